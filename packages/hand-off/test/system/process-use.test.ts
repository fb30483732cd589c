import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { lookAtProcess, readProcessUse } from '../../src/system/process-use.ts';

const stat = '77 (a) R (b) T 1 77 77 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 11 0 1000 1 1 1';

test.each([
  ['nobody', 'Name:\ta\nTracerPid:\t0\n', false],
  ['a debugger', 'Name:\ta\nTracerPid:\t4711\n', true],
])('the CPU time, the waiting and the state of a process to which %s is attached are read', (_, status, isTraced) => {
  const read = readProcessUse({ stat, status, schedstat: '3000000000 1500000000 90\n' });
  expect(read).toEqual({ cpuMs: 3_000, waitedMs: 1_500, state: 'T', isTraced });
});

test('a kernel that does not count how long threads wait for a CPU says that they never do', () => {
  expect(readProcessUse({ stat, status: 'TracerPid:\t0\n', schedstat: '' }).waitedMs).toBe(0);
});

test('a process that works, one that is stopped, and one that has ended are told from each other', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("a"); for (;;);'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const pid = child.pid as number;
  const before = lookAtProcess(pid)?.cpuMs as number;
  await expect.poll(() => lookAtProcess(pid)?.cpuMs).toBeGreaterThan(before);
  child.kill('SIGSTOP');
  await expect.poll(() => lookAtProcess(pid)).toMatchObject({ state: 'T', isTraced: false });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(lookAtProcess(pid)).toBeUndefined();
});
