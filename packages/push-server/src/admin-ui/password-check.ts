import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/** Compares passwords with a hash, in a thread of its own: bcrypt is slow on purpose, and would hold up every client here. */
export interface PasswordCheck {
  /** `busy`: too many are waiting, or it took too long; nobody has looked. */
  matches(password: string): Promise<boolean | 'busy'>;
  close(): void;
}

/** How many may wait. */
const maxWaiting = 4;

/** How long one may take with those before it, in milliseconds. */
const timeoutMs = 10_000;

/** After how long without work the thread ends, in milliseconds. */
const idleMs = 30_000;

/** Of bcrypt's input no more counts (https://en.wikipedia.org/wiki/Bcrypt#Maximum_password_length); more is no password, and not worth a copy. */
const maxCharacters = 1_024;

/** What the thread runs. A text, so that it works from wherever this module was loaded. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const { compareSync } = require(workerData.bcrypt);
parentPort.on('message', (password) => parentPort.postMessage(compareSync(password, workerData.hash)));
`;

/** @param hash - by bcrypt */
export function createPasswordCheck(hash: string): PasswordCheck {
  const waiting: ((result: boolean | 'busy') => void)[] = [];
  let worker: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;

  function end(): void {
    clearTimeout(timer);
    void worker?.terminate();
    worker = undefined;
    for (const resolve of waiting.splice(0)) resolve('busy');
  }

  function start(): Worker {
    // The one that the admin page brings.
    const bcrypt = createRequire(createRequire(import.meta.url).resolve('@socket.io/admin-ui')).resolve('bcryptjs');
    const started = new Worker(program, { eval: true, workerData: { bcrypt, hash } });
    started.unref();
    started.on('message', (result: boolean) => {
      waiting.shift()?.(result);
      restartTimer();
    });
    started.on('error', () => {
      if (worker === started) end();
    });
    return started;
  }

  function restartTimer(): void {
    clearTimeout(timer);
    timer = setTimeout(end, waiting.length > 0 ? timeoutMs : idleMs).unref();
  }

  return {
    async matches(password) {
      if (password.length > maxCharacters) return false;
      if (waiting.length >= maxWaiting) return 'busy';
      worker ??= start();
      const result = new Promise<boolean | 'busy'>((resolve) => waiting.push(resolve));
      worker.postMessage(password);
      if (waiting.length === 1) restartTimer();
      return result;
    },
    close: end,
  };
}
