/** Appends until the store says why it cannot, then removes and appends again; says each by a message. `node fill.mjs <folder>` */
import { openEmbeddedStore } from '../../dist/index.js';

const limits = { count: 1_000_000, ageMs: 600_000, bytes: 1_000_000_000 };
const store = await openEmbeddedStore(process.argv[2], { reserveBytes: 0 });
let appended = 0;
let code;
while (code === undefined && appended < 10_000) {
  try {
    await store.history.append('room', Buffer.alloc(2_000), limits);
    appended++;
  } catch (error) {
    code = error.code;
  }
}
const { messages } = await store.history.read('room', 0, 100_000);
process.send({ code, appended, kept: messages.length });
await store.close();
process.disconnect();
