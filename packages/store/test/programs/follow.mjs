/** Appends to a room whenever it is told to, and says where. `node follow.mjs <folder>` */
import { openEmbeddedStore } from '../../dist/index.js';

const limits = { count: 1_000, ageMs: 600_000, bytes: 100_000_000 };
const store = await openEmbeddedStore(process.argv[2]);
process.on('message', async () => {
  process.send(await store.history.append('room', Buffer.from('there'), limits).catch(({ code }) => ({ code })));
});
process.send('open');
