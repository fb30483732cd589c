import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { followLinks } from '@gopush/service';

/** Compares passwords with a hash in a thread of its own: bcrypt is slow on purpose, and would block all clients here. */
export interface PasswordCheck {
  /** `busy`: not compared, as too many are waiting, or it took too long. */
  matches(password: string): Promise<boolean | 'busy'>;
  close(): void;
}

/** Most passwords that wait. */
const maxWaiting = 4;

/** How long a comparison may take, with those before it, in milliseconds. */
const timeoutMs = 10_000;

/** How long the thread stays without work, in milliseconds. */
const idleMs = 30_000;

/** Longest password, in characters. bcrypt ignores most of that (https://en.wikipedia.org/wiki/Bcrypt#Maximum_password_length). */
const maxCharacters = 1_024;

/** The program of the thread. A string, so that it does not depend on the path of this module. */
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
    // A dependency of the admin page, found from the page's own path and not from a link to it.
    followLinks();
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
