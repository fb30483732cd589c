import type { SessionEntry, SessionStore } from '@gopush/store';

/** How a pointer begins; a session, as bytes, does not. */
const beginning = Buffer.from('token:');

/**
 * A client asks for its session by its private id (`pid`), an agent by a token. While a session runs, its private id
 * points to its token. So the client finds its session when push-server and agent died together, and a push-server that
 * was unreachable for some time finds out that the session runs elsewhere.
 */
export interface SessionPointers {
  /**
   * Keeps a pointer for some more time, and points again if the store has lost it.
   *
   * @returns whether it still leads to this token: the session may run elsewhere, or be stored at its end there. `true` if the store does not respond
   */
  holds(pid: string, token: string): Promise<boolean>;
}

/** What claims a session for this node, under this token, once it is stored. */
export function pointerTo(pid: string, token: string): SessionEntry {
  return { key: keyOfPid(pid), payload: pointer(token) };
}

/** The bytes that lead to a token. */
export function pointer(token: string): Buffer {
  return Buffer.concat([beginning, Buffer.from(token)]);
}

/** @param keepMs - how long a pointer is kept, in milliseconds */
export function createSessionPointers(store: Pick<SessionStore, 'saveOver'>, keepMs: number): SessionPointers {
  return {
    holds(pid, token) {
      const bytes = pointer(token);
      return store.saveOver(keyOfPid(pid), bytes, keepMs, bytes).catch(() => true);
    },
  };
}

/** The token that a pointer leads to; `undefined` if the bytes are no pointer. */
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
