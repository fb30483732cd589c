import { type Position, readPosition } from '@gopush/contract';
import type { HistoryStore, SessionStore } from '@gopush/store';
import type { Restored } from '../session/restored.ts';
import { keyOfPid, keyOfToken, readPointer } from '../stored-session/session-pointers.ts';
import { restoreLost, restoreStranded } from './restore-session.ts';

/** What finding sessions needs. */
export interface FindContext {
  readonly store: SessionStore;
  readonly history: HistoryStore;
  /** A client has returned whose session is not stored: a node that still counts it as connected has to end that connection. */
  readonly returned: (pid: string) => void;
  /** Stores a session again under a key. */
  readonly save: (key: string, bytes: Buffer) => void;
}

/**
 * How often the session is looked for, and the interval in milliseconds. A client may return before its old node has noticed that it is gone, and
 * has stored its session.
 */
const looks = { times: 4, everyMs: 100 };

/** How often if a pointer tells that its node may still store it: only that record says exactly what the client has received. */
const looksWithPointer = 10;

/**
 * Finds the session of a client that has returned. Of several clients that ask for it at once one gets it.
 *
 * @param pid - Socket.IO's private id
 * @param offset - the last offset that the client received, as the client sent it
 */
export async function findSession(pid: string, offset: string, context: FindContext): Promise<Restored | undefined> {
  const { store, returned, save } = context;
  const key = keyOfPid(pid);
  const last = readPosition(offset);
  let token: string | undefined;
  for (let times = 0; times < (token === undefined ? looks.times : looksWithPointer); times++) {
    if (times > 0) await new Promise((resolve) => setTimeout(resolve, looks.everyMs));
    const found = await takeStored(key, store);
    if (Buffer.isBuffer(found)) {
      const restored = restoreLost(found, last);
      return restored && { ...restored, giveBack: () => save(key, found) };
    }
    // With a pointer its node runs, and is about to store the session; or it has died.
    token = found;
    if (times === 0) returned(pid);
  }
  return token === undefined ? undefined : findStranded(pid, token, last, context);
}

/** The session that was stored for a client, which is removed; or the token that its pointer leads to. */
async function takeStored(key: string, store: SessionStore): Promise<Buffer | string | undefined> {
  const found = await store.read(key);
  return found && (readPointer(found) ?? store.take(key));
}

async function findStranded(
  pid: string,
  token: string,
  last: Position | undefined,
  { store, history, save }: FindContext,
): Promise<Restored | undefined> {
  const key = keyOfToken(token);
  const bytes = await store.take(key);
  if (bytes === undefined) return undefined;
  const restored = await restoreStranded(bytes, pid, last, history);
  return restored && { ...restored, giveBack: () => save(key, bytes) };
}
