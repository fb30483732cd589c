import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StickyKeys } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Store } from '@gopush/store';

/** Keys of sticky signatures, which may change while the agent runs. */
export interface OpenStickyKeys {
  current(): StickyKeys;
  close(): void;
}

/** Where keys come from: the first of these that exists. */
export interface StickyKeySources {
  /** The secrets of the settings. */
  readonly secrets: readonly string[];
  /** A store that the agents of all machines share. */
  readonly store: Pick<Store, 'keys' | 'onState'> | undefined;
  /** Folder of the project, which the agents of this machine share. */
  readonly dir: string;
  readonly log: Logger;
}

/** Between two looks at whether the store still has our key, in milliseconds. */
const lookMs = 10_000;

/** How many keys are known at most: agents agree on a new key when a store has lost its data. */
const mostKeys = 3;

/** Name of the key in a store. */
const storedName = 'sticky';

/**
 * Opens the keys of sticky signatures. Without secrets it is a random key that the agents of a cluster share: in the store, otherwise, for agents of
 * one machine, in a file of the project. If it cannot be shared, an agent has a key of its own: it recognizes its own signatures only, and chooses
 * targets for the sessions of other agents as for new ones.
 */
export async function openStickyKeys({ secrets, store, dir, log }: StickyKeySources): Promise<OpenStickyKeys> {
  const [first, ...others] = secrets;
  if (first !== undefined) return fixed([first, ...others]);
  if (store !== undefined) return followStore(store, log);
  return fixed([await keyOfFile(join(dir, '.gopush', 'sticky.key'), log)]);
}

function fixed(keys: StickyKeys): OpenStickyKeys {
  return { current: () => keys, close() {} };
}

async function followStore(
  { keys: shared, onState }: Pick<Store, 'keys' | 'onState'>,
  log: Logger,
): Promise<OpenStickyKeys> {
  let keys: StickyKeys = [createKey()];
  let hasWarned = false;
  const agree = async (): Promise<void> => {
    try {
      const key = (await shared.agree(storedName, Buffer.from(keys[0]))).toString();
      hasWarned = false;
      if (key !== keys[0]) keys = [key, ...keys.filter((known) => known !== key).slice(0, mostKeys - 1)];
    } catch (error) {
      if (!hasWarned) {
        log.warn(
          { err: error },
          'the key of sticky signatures cannot be shared: the store does not respond. Until it does, other agents may not find the target of sessions that begin here',
        );
      }
      hasWarned = true;
    }
  };
  await agree();
  const looking = setInterval(() => void agree(), lookMs).unref();
  const stop = onState((state) => {
    if (state === 'up') void agree();
  });
  return {
    current: () => keys,
    close() {
      clearInterval(looking);
      stop();
    },
  };
}

async function keyOfFile(path: string, log: Logger): Promise<string> {
  try {
    return (await readKey(path)) ?? (await makeFile(path));
  } catch (error) {
    const { message } = error as Error;
    log.warn(
      { file: path, problem: message },
      'the key of sticky signatures cannot be shared, so that other agents do not find the target of sessions that begin here: delete the file, let this user write its folder, or set access.secrets',
    );
    return createKey();
  }
}

/** Writes the file completely or not at all: of several agents that start at once one writes it, and all read it. */
async function makeFile(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, createKey(), { flag: 'wx', mode: 0o600 });
  try {
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  const key = await readKey(path);
  if (key === undefined) throw new Error('it was removed while it was being created');
  return key;
}

/** The key in the file; `undefined` if there is no file. A file that other users could have read or written is refused. */
async function readKey(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    },
  );
  if (file === undefined) return undefined;
  try {
    const { uid, mode } = await file.stat();
    const self = process.getuid?.();
    if (self !== undefined && uid !== self) throw new Error(`it belongs to user ${uid}, wanted ${self}`);
    if (self !== undefined && (mode & 0o077) !== 0) {
      throw new Error(`its mode is ${(mode & 0o777).toString(8)}, wanted 600`);
    }
    const key = await file.readFile('latin1');
    if (!keyPattern.test(key)) throw new Error('it contains no key');
    return key;
  } finally {
    await file.close();
  }
}

const keyPattern = /^[\w-]{43}$/;

function createKey(): string {
  return randomBytes(32).toString('base64url');
}
