/** Begins a transaction and hangs in it, after it has said so. `node hold.mjs <folder>` */
import { join } from 'node:path';
import { open } from 'lmdb';

const database = open({
  path: join(process.argv[2], 'store.mdb'),
  noSubdir: true,
  encoding: 'binary',
  maxReaders: 512,
});
database.transactionSync(() => {
  process.send('held');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
});
