import type { SessionRecord, SocketRecord } from '../../src/stored-session/session-record.ts';

/** A socket of a stored session. */
export function socketOf(parts: Partial<SocketRecord> = {}): SocketRecord {
  return {
    namespace: '/',
    id: 'socket',
    pid: 'pid',
    auth: {},
    rooms: [],
    data: {},
    positions: [],
    inboxAfter: 0,
    clientData: {},
    claims: undefined,
    ...parts,
  };
}

/** A stored session of `ann`. */
export function sessionOf(parts: Partial<SessionRecord> = {}): SessionRecord {
  return {
    engineId: 'engine',
    uid: 'ann',
    node: 'one',
    at: 1,
    isExact: true,
    tail: [],
    sockets: [socketOf()],
    ...parts,
  };
}
