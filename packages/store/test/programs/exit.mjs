/**
 * Writes to the store without a pause and ends in the midst of it: by an `exit` as user code has it, or by several errors at once.
 * `node exit.mjs <folder> <how>`
 */
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../dist/index.js';

const [folder, how] = process.argv.slice(2);
const limits = { count: 1_000, ageMs: 600_000, bytes: 100_000_000 };
const store = await openEmbeddedStore(folder);
await store.history.append('room', Buffer.from('first'), limits);
if (how.endsWith('throws')) {
  process.on('exit', () => {
    throw new Error('in the listener');
  });
}
process.on('exit', (code) => writeSync(1, `exit ${code}\n`));
const write = () => {
  for (let index = 0; index < 20; index++) store.history.append('room', Buffer.alloc(100), limits).catch(() => {});
};
if (how === 'throw') {
  process.once('uncaughtException', () => {});
  for (let index = 0; index < 3; index++) {
    setTimeout(() => {
      write();
      throw new Error('on purpose');
    }, index);
  }
} else {
  write();
  setTimeout(() => {
    write();
    process.exit(3);
  }, 1);
}
