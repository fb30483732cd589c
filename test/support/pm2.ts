import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type Ended, makeFolder, startProgram } from './cli.ts';
import { isAlive } from './process-table.ts';

const require = createRequire(import.meta.url);
const pm2Bin = require.resolve('pm2/bin/pm2');

/** A process as pm2 lists it. */
export interface Pm2Listed {
  readonly name: string;
  readonly pid: number;
  readonly pm2_env: { readonly status: string; readonly restart_time: number; readonly pm_out_log_path: string };
}

/** How `pm2` the command asks its daemon. */
interface Axon {
  socket(type: 'req'): Connection;
}
interface Connection {
  connect(path: string): void;
  once(event: string, listener: () => void): void;
  close(): void;
}
interface Rpc {
  readonly Client: new (
    socket: Connection,
  ) => { call(method: string, options: object, done: (error: Error | null, answer: unknown) => void): void };
}

/** What `pm2 jlist` prints. The command itself takes as much processor time to start as a gopush. */
function ask(home: string): Promise<Pm2Listed[]> {
  const { socket: open } = require('pm2/modules/pm2-axon') as Axon;
  const { Client } = require('pm2/modules/pm2-axon-rpc') as Rpc;
  const socket = open('req');
  return new Promise<Pm2Listed[]>((resolve, reject) => {
    socket.once('reconnect attempt', () => reject(new Error(`no daemon of pm2 answers in ${home}`)));
    new Client(socket).call('getMonitorData', {}, (error, listed) => {
      if (error === null) resolve(listed as Pm2Listed[]);
      else reject(error);
    });
    socket.connect(join(home, 'rpc.sock'));
  }).finally(() => socket.close());
}

/** Has the daemon end with all that it runs, as its init system would. */
async function end(home: string): Promise<void> {
  const pid = Number(await readFile(join(home, 'pm2.pid'), 'utf8').catch(() => 0));
  if (pid === 0 || !isAlive(pid)) return;
  process.kill(pid, 'SIGTERM');
  while (isAlive(pid)) await delay(10);
}

/** A pm2 of the test's own, with nothing else in it. */
export async function startPm2() {
  const home = join(await makeFolder(), 'pm2');
  const env = { PM2_HOME: home };
  const pm2 = (...args: string[]): Promise<Ended> => startProgram(process.execPath, [pm2Bin, ...args], { env }).ended;
  onTestFinished(() => end(home));
  return { env, pm2, list: () => ask(home) };
}
