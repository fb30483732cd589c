import type { Libc } from './libc.ts';
import { lookAtProcess } from './process-use.ts';

/** Commands of fcntl(2), and types of a lock. */
const getLock = 5;
const setLock = 6;
const writeLock = 1;
const unlocked = 2;

/** `struct flock`: short type, short whence, long start, long length (0: all), int pid. */
const lock = Buffer.from(new ArrayBuffer(32));

/**
 * Locks a file for as long as this process lives. The kernel releases the lock when the process has ended, for whatever reason. Any process with a
 * descriptor of the file can ask for the lock, also from another container, where process ids mean nothing.
 *
 * @throws Error
 */
export function lockForLife(libc: Libc, descriptor: number): void {
  lock.fill(0).writeInt16LE(writeLock, 0);
  if (libc.lock(descriptor, setLock, lock) !== 0) throw new Error(`a file cannot be locked: error ${libc.errno()}`);
}

/** Whether another process that has locked a file lives. `false` for a lock of this process itself. */
export function isLockedByOther(libc: Libc, descriptor: number): boolean {
  lock.fill(0).writeInt16LE(writeLock, 0);
  return libc.lock(descriptor, getLock, lock) === 0 && lock.readInt16LE(0) !== unlocked;
}

const pidAt = 24;
const sigkill = 9;

/**
 * Kills the process that has locked a file for life, which the kernel does even if that process is stopped. Not this process or its parent,
 * nor one to which a debugger is attached, nor one whose id is unknown here, as one of another container.
 *
 * @returns whether it was killed; its lock is released when it has ended
 */
export function killLocker(libc: Libc, descriptor: number): boolean {
  const pid = lockerOf(libc, descriptor);
  if (pid <= 0 || pid === process.pid || pid === process.ppid) return false;
  if (lookAtProcess(pid)?.isTraced !== false) return false;
  const handle = libc.pidfdOpen(pid);
  if (handle < 0) return false;
  // Otherwise it has ended meanwhile, and its id may be another's.
  const isKilled = lockerOf(libc, descriptor) === pid && libc.pidfdSendSignal(handle, sigkill) === 0;
  libc.close(handle);
  return isKilled;
}

/** The id of the process that has locked a file; 0: there is none, or it has none here. */
export function lockerOf(libc: Libc, descriptor: number): number {
  return isLockedByOther(libc, descriptor) ? lock.readInt32LE(pidAt) : 0;
}
