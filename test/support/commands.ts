import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { Ended } from './cli.ts';

const program = fileURLToPath(new URL('../programs/commands.mjs', import.meta.url));

/**
 * Runs commands of `gopush` to their end, all of a file in one process. For tests that only read what a command prints: whether it ends by
 * itself is tested with `gopush` of `cli.ts`, which starts a process for each.
 */
export function commandsOfFile(): (
  args: readonly string[],
  options?: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv },
) => Promise<Ended> {
  let starting: Promise<ChildProcess> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  afterAll(async () => {
    const child = await starting;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  const run = async (message: object): Promise<Ended> => {
    starting ??= start();
    const child = await starting;
    const ended = new Promise<Ended>((resolve, reject) => {
      const fail = (code: number | null): void => reject(new Error(`the process of the commands ended with ${code}`));
      child.once('exit', fail);
      child.once('message', (answer) => {
        child.off('exit', fail);
        resolve(answer as Ended);
      });
    });
    child.send(message);
    return ended;
  };
  return (args, options = {}) => {
    const running = last.then(() => run({ args, ...options }));
    last = running.catch(() => {});
    return running;
  };
}

async function start(): Promise<ChildProcess> {
  const { NODE_ENV: _, ...env } = process.env;
  const child = fork(program, [], { env, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(child, 'message');
  return child;
}
