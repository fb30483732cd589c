import type { SessionStore } from '@gopush/store';

/** How a pointer begins; a session, as bytes, does not. */
const beginning = Buffer.from('token:');

/**
 * While a session lives its private id, by which its client asks for it after a reconnect, leads to the token under which it is written down. So
 * the client finds it when its push-server and its agent have died together; and a push-server that was away finds out that its session goes
 * on elsewhere.
 */
export interface SessionPointers {
  /** From now on the session is this node's, under this token. */
  set(pid: string, token: string): Promise<void>;
  /** Whether nobody has gone on with the session under another token. A store that is away knows of nobody. */
  isOurs(pid: string, token: string): Promise<boolean>;
}

export function createSessionPointers(store: SessionStore, keepMs: number): SessionPointers {
  return {
    set: (pid, token) => store.save(keyOfPid(pid), Buffer.concat([beginning, Buffer.from(token)]), keepMs),
    async isOurs(pid, token) {
      const bytes = await store.read(keyOfPid(pid)).catch(() => undefined);
      const other = bytes === undefined ? undefined : readPointer(bytes);
      return other === undefined || other === token;
    },
  };
}

/** The token that a pointer leads to; `undefined` where the bytes are none. */
export function readPointer(bytes: Buffer): string | undefined {
  if (!bytes.subarray(0, beginning.length).equals(beginning)) return undefined;
  return bytes.toString('latin1', beginning.length);
}

/** Where a session is kept for its client. */
export function keyOfPid(pid: string): string {
  return `p:${pid}`;
}

/** Where a session is kept for its agent. */
export function keyOfToken(token: string): string {
  return `t:${token}`;
}
