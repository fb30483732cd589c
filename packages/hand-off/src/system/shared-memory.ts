import { ftruncateSync } from 'node:fs';
import type { Libc } from './libc.ts';

const mfdCloexec = 1;
const protReadWrite = 3;

/** Memory that other processes can read by its descriptor. Pages that were never written take no room. */
export interface SharedMemory {
  readonly descriptor: number;
  /** Stays mapped until the process ends: JavaScript that still used it after that would crash the process. */
  readonly numbers: Float64Array;
}

/** @throws Error */
export function createSharedMemory(libc: Libc, name: string, size: number): SharedMemory {
  const descriptor = createMemoryFile(libc, name);
  ftruncateSync(descriptor, size);
  const address = libc.mmap(size, protReadWrite, descriptor);
  if (address === -1n) {
    const error = libc.errno();
    libc.close(descriptor);
    throw new Error(`memory cannot be mapped: error ${error}`);
  }
  return { descriptor, numbers: new Float64Array(libc.view(address, size)) };
}

/** A file that is in memory only, without a name. @throws Error */
export function createMemoryFile(libc: Libc, name: string): number {
  const descriptor = libc.memfdCreate(name, mfdCloexec);
  if (descriptor < 0) throw new Error(`memory cannot be shared: error ${libc.errno()}`);
  return descriptor;
}
