import type { Notes } from '../notes/notes.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { RecordFile } from '../system/record-file.ts';
import type { ReadsInto } from '../system/tcp-handle.ts';

/** What all connections of a taker share. */
export interface TakenMeans {
  readonly kernel: KernelSocket;
  /** `undefined`: its program does not note anything. */
  readonly notes: Notes | undefined;
  /** How connections with notes read. */
  readonly readsInto: ReadsInto | undefined;
  /** Where the records of its connections are. */
  readonly records: RecordFile;
}
