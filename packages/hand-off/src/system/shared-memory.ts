import type { Libc } from './libc.ts';

const mfdCloexec = 1;

/** A file that is in memory only, without a name. @throws Error */
export function createMemoryFile(libc: Libc, name: string): number {
  const descriptor = libc.memfdCreate(name, mfdCloexec);
  if (descriptor < 0) throw new Error(`memory cannot be shared: error ${libc.errno()}`);
  return descriptor;
}
