import { closeSync, openSync, readSync } from 'node:fs';
import { StoreError } from '../store-error.ts';

/** First bytes of a database page: its number (8), the transaction (8), a pad (2) and its kind (2). */
const pageHeaderBytes = 24;
const branchOrLeaf = 0x03;
const magic = 0xbeefc0de;
const noRoot = 0xffff_ffff_ffff_ffffn;

/**
 * Checks that a file is a complete database. LMDB maps the file into memory and trusts it, so a foreign or truncated file would crash the
 * process.
 *
 * @throws StoreError `store_corrupt`; the file is only read
 */
export function inspectFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    // Other processes may write meanwhile: a root that was replaced after it was looked up is not damage.
    for (let attempt = 0; ; attempt++) {
      const fault = faultOf(file);
      if (fault === undefined) return;
      if (attempt === 5) throw new StoreError('store_corrupt', `${path} is damaged (${fault}); it was not changed`);
    }
  } finally {
    closeSync(file);
  }
}

function faultOf(file: number): string | undefined {
  const first = read(file, 0, 160);
  if (first === undefined) return read(file, 0, 1) === undefined ? undefined : 'it is too short';
  if (first.readUInt32LE(24) !== magic) return 'it is not a database';
  const pageBytes = first.readUInt32LE(48);
  if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) return 'its page size is invalid';
  const second = read(file, pageBytes, 160);
  if (second === undefined) return 'it is truncated';
  if (second.readUInt32LE(24) !== magic) return 'its second header is invalid';
  const head = second.readBigUInt64LE(152) > first.readBigUInt64LE(152) ? second : first;
  // The roots of the free pages and of the data.
  for (const at of [88, 136]) {
    const root = head.readBigUInt64LE(at);
    if (root === noRoot) continue;
    if (root > 0xffff_ffffn) return 'a root is out of range';
    const page = read(file, Number(root) * pageBytes, pageHeaderBytes);
    if (page === undefined) return 'it is truncated';
    if (page.readBigUInt64LE(0) !== root || (page.readUInt16LE(18) & branchOrLeaf) === 0) return 'a root is invalid';
  }
  return undefined;
}

/** Reads `bytes` bytes; `undefined` if the file ends before that. */
function read(file: number, position: number, bytes: number): Buffer | undefined {
  const buffer = Buffer.alloc(bytes);
  return readSync(file, buffer, 0, bytes, position) === bytes ? buffer : undefined;
}
