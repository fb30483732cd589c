import { unfitFolder } from '../channel/folder.ts';
import { KernelSocket } from '../system/kernel-socket.ts';
import { loadLibc } from '../system/libc.ts';
import { RecordFile } from '../system/record-file.ts';
import { createMemoryFile } from '../system/shared-memory.ts';
import type { Givers, GiversOptions } from './givers.ts';
import { Giving } from './giving.ts';

/**
 * Opens the giving side of this process.
 *
 * @throws Error if that is impossible: the message says why
 */
export async function openGivers<T>(options: GiversOptions<T>): Promise<Givers<T>> {
  const libc = await loadLibc();
  const reason = typeof libc === 'string' ? libc : unfitFolder(options.dir);
  if (typeof libc === 'string' || reason !== undefined) throw new Error(reason);
  const records = new RecordFile(createMemoryFile(libc, 'hand-off-records'));
  return new Giving(libc, new KernelSocket(libc), records, options);
}
