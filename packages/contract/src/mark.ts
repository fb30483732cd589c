import type { Position } from './room.ts';

/**
 * A kept message goes to clients with one more argument after its own: where it stands in its room's history, as `<epoch>.<offset>~`. It is
 * what Socket.IO's connection state recovery calls the offset, and being last of all it can be read without reading the message.
 */
export function writeMark({ epoch, offset }: Position): string {
  return `${epoch}.${offset}~`;
}

/** Reads such a mark; `undefined` for anything else. */
export function readMark(mark: unknown): Position | undefined {
  const [, epoch, offset] = (typeof mark === 'string' && /^([\w-]{1,64})\.(\d{1,15})~$/.exec(mark)) || [];
  return epoch === undefined ? undefined : { epoch, offset: Number(offset) };
}
