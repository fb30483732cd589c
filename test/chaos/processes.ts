import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '@gopush/contract';
import { onTestFinished } from 'vitest';
import { keys } from '../support/api.ts';

/** A process that can be ended, and started again as it was. */
export interface Process {
  /** Sends a signal. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  ended(): Promise<void>;
  /** Starts it again as it was; resolves when it listens. */
  start(): Promise<void>;
  /** What it wrote to its log so far. */
  readonly lines: string[];
  /** Of the process that was started last. */
  readonly pid: number;
}

/** Starts a program of test/programs; it ends with the test. */
export async function startProcess(
  program: 'chaos-agent.mjs' | 'chaos-server.mjs',
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<Process> {
  const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  const [command, ...rest] = [...prefix, process.execPath, path, ...args] as [string, ...string[]];
  const lines: string[] = [];
  let child: ChildProcess | undefined;
  const hasEnded = (): boolean => child === undefined || child.exitCode !== null || child.signalCode !== null;
  const ended = async (): Promise<void> => {
    if (!hasEnded()) await once(child as ChildProcess, 'exit');
  };
  const start = async (): Promise<void> => {
    const one = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    child = one;
    let begun = '';
    one.stdout?.on('data', (chunk) => {
      const parts = `${begun}${chunk}`.split('\n');
      begun = parts.pop() ?? '';
      lines.push(...parts);
    });
    await once(one, 'message');
  };
  onTestFinished(async () => {
    child?.kill('SIGKILL');
    await ended();
  });
  await start();
  return {
    kill: (signal) => void child?.kill(signal),
    ended,
    start,
    lines,
    get pid() {
      return child?.pid ?? 0;
    },
  };
}

/** Settings of all processes: other work on the machine is no reason to refuse clients. */
export function settingsOf(store: ConfigInput): ConfigInput {
  return {
    ...store,
    access: { secrets: ['0123456789abcdef'] },
    admin: null,
    limits: { eventLoopDelayMs: 0 },
    routing: { discover: true },
    api: { keys: [{ name: 'chaos', key: keys.all, scopes: ['publish', 'read'] }] },
    pushServer: { drainMs: 20_000, isolateProducts: true, ...store.pushServer, limits: { beginDelayMs: 0 } },
  };
}
