/** How many bytes of a text message have to be known to find its kind: `4`, `5` or `6`, the number of attachments, `-`. */
export const beginningBytes = 8;

/** Where the position of a text message may be: at the end of any, or only in the event that is for positions. */
export type PositionPlace = 'any' | 'own event';

/** Whether a text message that begins so is one of Socket.IO's binary events, or a binary ack. */
export function mayHaveAttachments(beginning: Buffer): boolean {
  return beginning[0] === 0x34 && (beginning[1] === 0x35 || beginning[1] === 0x36);
}

/** Whether a text message that begins so is an event of Socket.IO without binary. */
export function isEvent(beginning: Buffer): boolean {
  return beginning[0] === 0x34 && beginning[1] === 0x32;
}

/**
 * Where in a text message that begins so a position may be. Not in acks of Socket.IO, nor in events that want an ack; of events in other namespaces
 * than the main one only in `go:mark`: the others end with what a program, or another client, wrote.
 */
export function positionPlaceOf(beginning: Buffer): PositionPlace | undefined {
  if (isEvent(beginning)) return beginning[2] === 0x5b ? 'any' : beginning[2] === 0x2f ? 'own event' : undefined;
  return beginning[0] !== 0x34 || (beginning[1] !== 0x33 && beginning[1] !== 0x36) ? 'any' : undefined;
}

/** How many binary messages follow a text message (https://github.com/socketio/socket.io-protocol) of which `length` bytes are known. */
export function attachmentsOf(beginning: Buffer, length: number): number {
  if (length < 2 || !mayHaveAttachments(beginning)) return 0;
  const [, count] = /^4[56](\d+)-/.exec(beginning.toString('latin1', 0, length)) ?? [];
  return Number(count ?? 0);
}
