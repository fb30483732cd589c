import { lstatSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { measureCpu } from './support/measure-cpu.ts';

// Before each file: after a test that removed a socket, Node's module loader would not follow the symbolic links of pnpm (see
// packages/hand-off/src/channel/socket-file.ts), and the next file of this process would fail to load.
lstatSync('.');

// For the processes that tests start.
const shortLived = `--require="${fileURLToPath(new URL('support/short-lived.cjs', import.meta.url))}"`;
if (!process.env.NODE_OPTIONS?.includes(shortLived)) {
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} ${shortLived}`.trim();
}

if (process.env.TEST_CPU) measureCpu(process.env.TEST_CPU);
