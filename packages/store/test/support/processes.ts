import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

interface Said {
  readonly offset: number;
  readonly payload: string;
}

/** The path of a program that works with a store. */
export const program = (name: string): string => join(import.meta.dirname, '../programs', name);

/** A process that appends; it is ended with the test. */
export function startAppending(folder: string, name: string, count: number) {
  const child = fork(program('append.mjs'), [folder, 'room', name, String(count)]);
  const said: Said[] = [];
  child.on('message', (message) => said.push(message as Said));
  // Its last messages may come after its end (Node 22), but not after the end of the channel.
  const exited = Promise.all([once(child, 'exit'), once(child, 'disconnect')]).then(([end]) => end);
  endWithTest(child);
  return { child, said, exited };
}

/** Ends a process with the test, if that has not ended it. */
export function endWithTest(child: ChildProcess): void {
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
}

/** What no test reaches. */
export const limits = { count: 100_000, ageMs: 600_000, bytes: 100_000_000 };
