import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/**
 * Starts a program of test/programs as a process of its own, which ends with the test.
 *
 * @param prefix - a command that starts it elsewhere, such as on another machine
 */
export async function startChildProgram(program: string, args: readonly string[], prefix: readonly string[] = []) {
  const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  const [command, ...rest] = [...prefix, process.execPath, path, ...args] as [string, ...string[]];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const lines: Record<string, unknown>[] = [];
  child.stdout?.on('data', (chunk) => {
    for (const line of String(chunk).split('\n')) if (line.startsWith('{')) lines.push(JSON.parse(line));
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return { child, url, lines };
}
