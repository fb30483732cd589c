import { resolve } from 'node:path';
import { StoreError } from '../store-error.ts';
import { type Environment, openEnvironment } from './environment.ts';
import type { SpaceBounds } from './space.ts';

/** An environment, and how many stores of this process use it. */
interface Shared {
  readonly opened: Promise<Environment>;
  users: number;
}

const open = new Map<string, Shared>();

/** Environments that are closing. Opening the same file waits for them. */
const closing = new Map<string, Promise<void>>();

/**
 * Opens an environment, or shares the one that this process has already open. With two environments of one file, one would block the event loop
 * for ever: LMDB waits for a lock that the thread of the other returns only when the event loop runs.
 *
 * @param bounds - largest size; if the environment is shared, the bounds of the first opening apply
 */
export async function shareEnvironment(folder: string, bounds: SpaceBounds): Promise<Environment> {
  const key = resolve(folder);
  let shared = open.get(key);
  if (shared === undefined) {
    shared = { opened: openAfter(closing.get(key), folder, bounds), users: 0 };
    open.set(key, shared);
  }
  const { opened } = shared;
  const mine = shared;
  mine.users++;
  let closed: Promise<void> | undefined;

  async function leave(): Promise<void> {
    if (--mine.users > 0) return;
    open.delete(key);
    const done = opened.then((environment) => environment.close());
    const quiet = done.catch(() => {});
    closing.set(key, quiet);
    void quiet.then(() => closing.get(key) === quiet && closing.delete(key));
    await done;
  }
  function rejected(): Promise<never> {
    return Promise.reject(new StoreError('store_closed', `the store in ${folder} is closed`));
  }
  try {
    const environment = await opened;
    const { state, space, forgotten } = environment;
    return {
      state,
      space,
      forgotten,
      now: () => environment.now(),
      toWall: (at) => environment.toWall(at),
      // Not `async`: that would make two promises more for each call.
      read: (work) => (closed === undefined ? environment.read(work) : rejected()),
      write: (work, grows) => (closed === undefined ? environment.write(work, grows) : rejected()),
      freeReaders() {
        if (closed === undefined) environment.freeReaders();
      },
      close() {
        closed ??= leave();
        return closed;
      },
    };
  } catch (error) {
    if (--mine.users === 0) open.delete(key);
    throw error;
  }
}

async function openAfter(before: Promise<void> | undefined, folder: string, bounds: SpaceBounds): Promise<Environment> {
  await before;
  return openEnvironment(folder, bounds);
}
