/** A node of its own that appends large messages until it is killed: most of the time it waits for the disk. `node bulk.mjs <folder> <bytes>` */
import { openEmbeddedStore } from '../../dist/index.js';

const [folder, bytes] = process.argv.slice(2);
const limits = { count: 3, ageMs: 600_000, bytes: 1_000_000_000 };
const store = await openEmbeddedStore(folder);
process.on('disconnect', () => process.exit());
for (;;) {
  const { offset } = await store.history.append('room', Buffer.alloc(Number(bytes)), limits);
  await new Promise((resolve) => process.send(offset, resolve));
}
