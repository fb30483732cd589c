import type { Position } from '@gopush/contract';

/** Reads the position of a message, which is the last argument of an event that is kept. */
export function readPosition(text: unknown): Position | undefined {
  const [, epoch, offset] = (typeof text === 'string' && /^([\w-]{1,64})\.(\d{1,15})~$/.exec(text)) || [];
  return epoch === undefined ? undefined : { epoch, offset: Number(offset) };
}
