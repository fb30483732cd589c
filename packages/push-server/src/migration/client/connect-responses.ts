import { type Position, writePosition } from '@gopush/contract';
import type { Packet } from '@gopush/slim-socket-io';
import type { SessionRecord } from '../../stored-session/session-record.ts';

/**
 * The response to a CONNECT with its number among those of the connection, as a position. Agents read it at the end of
 * the frame, like that of any event, and show after a crash whether the client has had the response. Clients of
 * Socket.IO ignore it.
 */
export function numberedConnectResponse(packet: Packet, engineId: string, number: number): Packet {
  const mark = writePosition({ epoch: epochOfResponses(engineId), offset: number });
  return { ...packet, data: { ...(packet.data as object), mark } };
}

/**
 * A session as its client knows it. Its node may have crashed after it had saved that the client is in a namespace, and
 * before the client was told so: then the client still waits for the response to its CONNECT.
 *
 * @param given - the last positions that went out to the client
 * @returns `undefined` if the client has had responses that were not saved
 */
export function asClientKnows(record: SessionRecord, given: readonly Position[]): SessionRecord | undefined {
  const { engineId, isExact, answers = 0, sockets, opening = [] } = record;
  if (isExact) return record;
  const epoch = epochOfResponses(engineId);
  const had = given.find((mark) => mark.epoch === epoch)?.offset ?? 0;
  if (had > answers) return undefined;
  const unheard = sockets.filter(({ answer = 0 }) => answer > had);
  if (unheard.length === 0) return record;
  return {
    ...record,
    sockets: sockets.filter((socket) => !unheard.includes(socket)),
    opening: [...unheard.map(({ namespace, auth }) => ({ namespace, auth })), ...opening],
  };
}

/** The epoch of the responses on a connection. Ids of Engine.IO may have characters that no position has. */
export function epochOfResponses(engineId: string): string {
  return engineId.replace(/[^\w-]/g, '-').slice(0, 64);
}
