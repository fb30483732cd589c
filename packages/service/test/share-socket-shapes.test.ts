import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** CPU time of a socket in a process that has made no others, in microseconds. */
function cost(how: string): number {
  const program = new URL('programs/sockets.mjs', import.meta.url).pathname;
  return Number(execFileSync(process.execPath, [program, how], { encoding: 'utf8' }));
}

// Later versions are fast by themselves.
test.runIf(process.version.startsWith('v20.'))('sockets with shared shapes are cheaper', () => {
  expect(cost('shared')).toBeLessThan(cost('plain') / 2);
});
