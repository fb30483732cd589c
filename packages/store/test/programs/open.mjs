/** Opens the store in a folder and says why it cannot. `node open.mjs <folder>` */
import { openEmbeddedStore } from '../../dist/index.js';

try {
  const store = await openEmbeddedStore(process.argv[2]);
  await store.close();
  process.send({ code: 'opened' });
} catch ({ code, message }) {
  process.send({ code, message });
}
process.disconnect();
