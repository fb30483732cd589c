import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';

/** Descriptors of files of records in this process. */
export function recordFiles(): number[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).includes('hand-off-records') ? [Number(name)] : [];
    } catch {
      // The folder itself, which is closed by now.
      return [];
    }
  });
}

/** Has a descriptor lead to a device that is always full. */
export function fill(descriptor: number): void {
  closeSync(descriptor);
  const others: number[] = [];
  for (let got = openSync('/dev/full', 'r+'); got !== descriptor; got = openSync('/dev/full', 'r+')) others.push(got);
  for (const other of others) closeSync(other);
}
