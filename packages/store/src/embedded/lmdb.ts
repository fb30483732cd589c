import { requireOnDemand } from '@gopush/service';

const require = requireOnDemand(import.meta.url);

type Lmdb = typeof import('lmdb');

let lmdb: Lmdb | undefined;

/** Loads the library of the database, at the first store: a process that keeps its data in Redis, or keeps none, does without it. */
export function loadLmdb(): Lmdb {
  lmdb ??= require('lmdb') as Lmdb;
  return lmdb;
}

/** The library; `undefined`: no store was opened yet. */
export function loadedLmdb(): Lmdb | undefined {
  return lmdb;
}
