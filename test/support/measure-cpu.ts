import { appendFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';

/** Processor time of this process, and of its children that have ended, in seconds. */
function cpuSoFar(): { own: number; children: number } {
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 15)
    .map(Number);
  return { own: (utime + stime) / ticks, children: (cutime + cstime) / ticks };
}

/** How many of them are a second: `sysconf(_SC_CLK_TCK)` of all Linux that Node runs on (proc(5)). */
const ticks = 100;

/**
 * Writes a line of JSON for a test file: the processor time, in seconds, to load it, of its tests in this process, and of the processes
 * that they started and waited for. What outlives its parent is not among them, such as most of a Chromium and what pm2 runs.
 */
export function measureCpu(output: string): void {
  const begun = cpuSoFar();
  let loaded = begun;
  beforeAll(() => {
    loaded = cpuSoFar();
  });
  // The first to be registered is the last to be called.
  afterAll(() => {
    const ended = cpuSoFar();
    const line = {
      file: relative('.', expect.getState().testPath ?? ''),
      load: round(loaded.own - begun.own),
      own: round(ended.own - loaded.own),
      children: round(ended.children - begun.children),
    };
    appendFileSync(output, `${JSON.stringify(line)}\n`);
  });
}

const round = (seconds: number): number => Math.round(seconds * 100) / 100;
