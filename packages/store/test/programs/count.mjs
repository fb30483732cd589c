/** Says how many things of a kind the store in a folder keeps. `node count.mjs <folder> <kind>` */
import { join } from 'node:path';
import { open } from 'lmdb';

const [folder, kind] = process.argv.slice(2);
const database = open({ path: join(folder, 'store.mdb'), noSubdir: true, encoding: 'binary', maxReaders: 512 });
process.stdout.write(String([...database.getKeys({ start: [kind], end: [kind, Buffer.alloc(4, 0xff)] })].length));
