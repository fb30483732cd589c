// Prints the CPU time that a socket takes with the options that a server gives it, in microseconds: the best of some tries.
import { Socket } from 'node:net';
import { shareSocketShapes } from '../../dist/index.js';

if (process.argv[2] === 'shared') shareSocketShapes();
const count = 5_000;
let best = Number.POSITIVE_INFINITY;
for (let round = 0; round < 8; round++) {
  const before = process.cpuUsage();
  for (let made = 0; made < count; made++) new Socket({ allowHalfOpen: true, readable: true, writable: true });
  const { user, system } = process.cpuUsage(before);
  best = Math.min(best, (user + system) / count);
}
console.log(best);
