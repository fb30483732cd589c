import { lstatSync } from 'node:fs';
import { measureCpu } from './support/measure-cpu.ts';

// Before each file: after a test that removed a socket, Node's module loader would not follow the symbolic links of pnpm (see
// packages/hand-off/src/channel/socket-file.ts), and the next file of this process would fail to load.
lstatSync('.');

if (process.env.TEST_CPU) measureCpu(process.env.TEST_CPU);
