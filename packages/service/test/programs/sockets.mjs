// Makes sockets with the options that a server gives them.
import { Socket } from 'node:net';
import { shareSocketShapes } from '../../dist/index.js';

const [how, count] = process.argv.slice(2);
if (how === 'shared') shareSocketShapes();
for (let made = 0; made < Number(count); made++) new Socket({ allowHalfOpen: true, readable: true, writable: true });
