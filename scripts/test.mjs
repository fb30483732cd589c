/**
 * `npm test`: builds, gets what the tests need, runs all tests and beside them the static checks, and ends with `N passed, N failed`.
 * With arguments only the tests they name run: `npm test -- packages/agent`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap, plainEnv, root, say } from './bootstrap.mjs';
import { obtainPythonClient } from './obtain-python-client.mjs';
import { obtainRedis } from './obtain-redis.mjs';

const named = process.argv.slice(2);
const tally = { passed: 0, failed: 0, skipped: 0 };

bootstrap();
const folder = makeFolder();
const env = { ...plainEnv, ...obtainRedis(), ...(folder === undefined ? {} : { TMPDIR: folder }) };
obtainPythonClient();
// The packages as they would be published, made once for the check of their exports and for the tests that install them.
const packing = named.length === 0 ? mkdtempSync(join(folder ?? tmpdir(), 'gopush-packing-')) : undefined;
if (packing !== undefined) env.PACKED_PACKAGES = join(packing, 'packed');
await Promise.all([...(named.length === 0 ? startChecks() : []), test()]);

if (packing !== undefined) rmSync(packing, { recursive: true, force: true });
if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
const { passed, failed, skipped } = tally;
process.stdout.write(`\n${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

/**
 * Makes the folder of temporary files in memory, if Linux has room for them. On a disk, stores of tests that run side by side wait for each other:
 * while an npm install is written, one commit may take longer than the 2 s after which a store counts as down.
 */
function makeFolder() {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize < 4 * 1024 ** 3 ? undefined : mkdtempSync('/dev/shm/gopush-test-');
  } catch {
    return undefined;
  }
}

/** With what the tests leave of the processors: these wait for sockets and timers for a part of their time. */
function startChecks() {
  return [
    check('package exports', 'scripts/check-exports.mjs', []),
    check('format, lint and import direction', 'node_modules/@biomejs/biome/bin/biome', [
      'check',
      '--error-on-warnings',
      '.',
    ]),
    check('imports between folders', 'scripts/check-folders.mjs', []),
    // With several threads it does some of the work twice.
    check('types', 'node_modules/typescript/bin/tsc', ['-p', 'test', '--singleThreaded']),
    check('dead code', 'node_modules/knip/bin/knip.js', []),
    check('generated docs', 'scripts/write-docs.mjs', ['--check']),
  ];
}

async function check(what, script, args) {
  const child = spawn(process.execPath, [script, ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  // Its threads and processes come later, and have the priority that it has.
  setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const [status] = await once(child, 'close');
  say(`${what}: ${status === 0 ? 'ok' : 'FAILED'}`);
  if (status === 0) tally.passed++;
  else {
    tally.failed++;
    process.stdout.write(`${Buffer.concat(output)}\n`);
  }
}

async function test() {
  say('running the tests');
  const report = `${root}node_modules/.cache/test-report.json`;
  mkdirSync(`${root}node_modules/.cache`, { recursive: true });
  rmSync(report, { force: true });
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    '--reporter=./test/support/stall-reporter.ts',
    '--reporter=./test/support/unsteady-reporter.ts',
    `--outputFile.json=${report}`,
  ];
  const child = spawn(process.execPath, [...args, ...named], { cwd: root, env, stdio: 'inherit' });
  const [status] = await once(child, 'exit');
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTotalTestSuites, success } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    tally.passed += numPassedTests;
    tally.failed += numFailedTests;
    tally.skipped += numPendingTests;
    // A file that could not even be loaded has no tests to count.
    if (numTotalTestSuites === 0 || ((!success || status !== 0) && numFailedTests === 0)) tally.failed++;
  } catch {
    say('the tests left no report');
    tally.failed++;
  }
}
