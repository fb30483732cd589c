import { maxPositionBytes } from '@gopush/contract';

const [quote, tilde, closingBracket, closingBrace] = [0x22, 0x7e, 0x5d, 0x7d];

/**
 * The text of the position with which a text frame ends that this process has encoded (`…,"<epoch>.<offset>~"]`,
 * docs/protocol.md, "Positions"). No other text ends so: foreign positions are escaped. `undefined`: there is none, as
 * in most frames.
 */
export function positionOfFrame(bytes: Buffer, end: number): string | undefined {
  if (bytes[end - 2] !== quote || bytes[end - 3] !== tilde) return undefined;
  const last = bytes[end - 1];
  if (last !== closingBracket && last !== closingBrace) return undefined;
  const start = bytes.lastIndexOf(quote, end - 3) + 1;
  return start === 0 || end - 2 - start > maxPositionBytes ? undefined : bytes.toString('latin1', start, end - 2);
}
