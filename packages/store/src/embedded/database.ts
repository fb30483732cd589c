import type { Key, RootDatabase } from 'lmdb';

/** The one table of the store. Keys are lists: the kind of entry, then its owner. */
export type Database = RootDatabase<Buffer, Key>;
