import { randomBytes } from 'node:crypto';
import { filesOf, unfitFolder } from '../channel/folder.ts';
import { fileBytes } from '../notes/layout.ts';
import { Notes } from '../notes/notes.ts';
import { KernelSocket } from '../system/kernel-socket.ts';
import { type Libc, loadLibc } from '../system/libc.ts';
import { lockForLife } from '../system/life-lock.ts';
import { RecordFile } from '../system/record-file.ts';
import { createMemoryFile, createSharedMemory } from '../system/shared-memory.ts';
import { greetGiver } from './greet-giver.ts';
import { MeetingPlace } from './meeting-place.ts';
import { removeStale } from './remove-stale.ts';
import { defaultConnections, Serving, type TakerMemory } from './serving.ts';
import type { Taker, TakerOptions } from './taker.ts';

/**
 * Lets the givers of this host hand connections to this process.
 *
 * @throws Error if that is impossible: the message says why
 */
export async function openTaker(options: TakerOptions): Promise<Taker> {
  const { dir, port, address, name } = options;
  const libc = await loadLibc();
  const reason = typeof libc === 'string' ? libc : unfitFolder(dir);
  if (typeof libc === 'string' || reason !== undefined) throw new Error(reason);
  await removeStale(dir, port);
  const files = filesOf(dir, port, randomBytes(4).toString('hex'));
  const kernel = new KernelSocket(libc);
  const slots = options.notes ? (options.maxConnections ?? defaultConnections) : 0;
  const memory = { ...openNotes(libc, slots), records: new RecordFile(createMemoryFile(libc, 'hand-off-records')) };
  const serving = new Serving(kernel, memory, options);
  const { mayBeKilled, onHello } = serving;
  const place = new MeetingPlace({
    libc,
    dir,
    files,
    isOwn: (descriptor) => kernel.peerUser(descriptor) === process.getuid?.(),
    onGiver: (socket, waiting) => greetGiver(socket, { name, slots, address, mayBeKilled, waiting, onHello }),
  });
  await place.open();
  serving.start();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    serving.close();
    return place.close();
  };
  return {
    get size() {
      return serving.size;
    },
    get alone() {
      return serving.alone;
    },
    messages: () => serving.messages(),
    stop: () => serving.stop(),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** The file of the notes; without notes it is empty, and only tells whether this process lives. */
function openNotes(libc: Libc, slots: number): Pick<TakerMemory, 'notesFile' | 'notes'> {
  if (slots === 0) {
    const notesFile = createMemoryFile(libc, 'hand-off-notes');
    lockForLife(libc, notesFile);
    return { notes: undefined, notesFile };
  }
  const { descriptor, numbers } = createSharedMemory(libc, 'hand-off-notes', fileBytes(slots));
  lockForLife(libc, descriptor);
  return { notes: new Notes(numbers, slots), notesFile: descriptor };
}
