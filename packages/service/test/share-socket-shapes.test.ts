import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../test/support/cli.ts';

const sockets = 2_000;

/** How many shapes V8 makes for the options of sockets, as its own log says. */
async function shapesOfOptions(how: string): Promise<number> {
  const program = new URL('programs/sockets.mjs', import.meta.url).pathname;
  const log = join(await makeFolder(), 'v8.log');
  const flags = ['--log-maps', '--no-logfile-per-isolate', `--logfile=${log}`];
  execFileSync(process.execPath, [...flags, program, how, String(sockets)]);
  // The last option that Node adds to its copy.
  return (await readFile(log, 'utf8')).split(',decodeStrings\n').length;
}

// Later versions share them by themselves.
test.runIf(process.version.startsWith('v20.'))('the options of sockets share their shapes', async () => {
  expect(await shapesOfOptions('plain')).toBeGreaterThan(sockets / 2);
  expect(await shapesOfOptions('shared')).toBeLessThan(sockets / 10);
});
