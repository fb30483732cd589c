import type { SessionEntry, SessionStore } from '@gopush/store';

/** How a pointer begins; a session, as bytes, does not. */
const beginning = Buffer.from('token:');

/**
 * A client asks for its session by its private id (`pid`), an agent by a token. While a session runs, its private id
 * points to its token. So the client finds its session when push-server and agent died together, and a push-server that
 * was unreachable for some time finds out that the session runs elsewhere.
 */
export interface SessionPointers {
  /** Whether the session does not run under another token. `true` where the store cannot be read. */
  isOurs(pid: string, token: string): Promise<boolean>;
}

/** What claims a session for this node, under this token, once it is stored. */
export function pointerTo(pid: string, token: string): SessionEntry {
  return { key: keyOfPid(pid), payload: Buffer.concat([beginning, Buffer.from(token)]) };
}

export function createSessionPointers(store: Pick<SessionStore, 'read'>): SessionPointers {
  return {
    async isOurs(pid, token) {
      const bytes = await store.read(keyOfPid(pid)).catch(() => undefined);
      const other = bytes === undefined ? undefined : readPointer(bytes);
      return other === undefined || other === token;
    },
  };
}

/** The token that a pointer leads to; `undefined` where the bytes are no pointer. */
export function readPointer(bytes: Buffer): string | undefined {
  if (!bytes.subarray(0, beginning.length).equals(beginning)) return undefined;
  return bytes.toString('latin1', beginning.length);
}

/** The key in the store of the session that a client asks for. */
export function keyOfPid(pid: string): string {
  return `p:${pid}`;
}

/** The key in the store of the session that an agent asks for. */
export function keyOfToken(token: string): string {
  return `t:${token}`;
}
