import { randomBytes } from 'node:crypto';

const epochBytes = 12;

/** Random bytes for the next epochs: a call of the system's generator costs more than all bytes of an epoch, and each append to Redis brings one. */
let pool = Buffer.alloc(0);
let used = 0;

/** Makes the name of a log's beginning: offsets of another epoch belong to another log. */
export function newEpoch(): string {
  if (used === pool.length) {
    pool = randomBytes(epochBytes * 64);
    used = 0;
  }
  used += epochBytes;
  return pool.toString('base64url', used - epochBytes, used);
}
