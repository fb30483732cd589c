import type { Key, RootDatabase } from 'lmdb';

/** The one table of all that is kept, under keys that are lists: what it is, then whose. */
export type Database = RootDatabase<Buffer, Key>;
