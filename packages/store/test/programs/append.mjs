/**
 * A node of its own: appends `<count>` messages to a room of the store in a folder, says `begun` after the first, and its offsets at the end.
 * `node append.mjs <folder> <room> <name> <count>`
 */
import { openEmbeddedStore } from '../../dist/index.js';

const [folder, room, name, count] = process.argv.slice(2);
const limits = { count: 100_000, ageMs: 600_000, bytes: 100_000_000 };
const store = await openEmbeddedStore(folder);
const offsets = [];
const one = async (index) => {
  const { offset } = await store.history.append(room, Buffer.from(`${name} ${index}`), limits);
  offsets.push(offset);
  // Written before the channel is closed: what is still queued then would be lost (Node 22, on a busy machine).
  await new Promise((resolve) => process.send({ offset, payload: `${name} ${index}` }, resolve));
};
for (let index = 0; index < Number(count); index += 20) {
  await Promise.all(Array.from({ length: 20 }, (_, step) => one(index + step)));
}
await store.close();
process.disconnect();
