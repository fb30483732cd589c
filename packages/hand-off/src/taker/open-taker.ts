import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { filesOf, type TakerFiles, unfitFolder } from '../channel/folder.ts';
import { removeFile } from '../channel/socket-file.ts';
import { fileBytes } from '../notes/layout.ts';
import { Notes } from '../notes/notes.ts';
import { descriptorOf } from '../system/descriptor-of.ts';
import { DescriptorSocket } from '../system/descriptor-socket.ts';
import { KernelSocket } from '../system/kernel-socket.ts';
import { type Libc, loadLibc } from '../system/libc.ts';
import { lockForLife } from '../system/life-lock.ts';
import { RecordFile } from '../system/record-file.ts';
import { createMemoryFile, createSharedMemory } from '../system/shared-memory.ts';
import { greetGiver } from './greet-giver.ts';
import { removeStale } from './remove-stale.ts';
import { defaultConnections, Serving, type TakerMemory } from './serving.ts';
import type { Taker, TakerOptions } from './taker.ts';
import { WaitingSockets } from './waiting-sockets.ts';

/**
 * Lets the givers of this host hand connections to this process.
 *
 * @throws Error if that is impossible: the message says why
 */
export async function openTaker(options: TakerOptions): Promise<Taker> {
  const { dir, port, name } = options;
  const libc = await loadLibc();
  const reason = typeof libc === 'string' ? libc : unfitFolder(dir);
  if (typeof libc === 'string' || reason !== undefined) throw new Error(reason);
  await removeStale(dir, port);
  const files = filesOf(dir, port, randomBytes(4).toString('hex'));
  const kernel = new KernelSocket(libc);
  const isOwn = (descriptor: number): boolean => kernel.peerUser(descriptor) === process.getuid?.();
  const slots = options.notes ? (options.maxConnections ?? defaultConnections) : 0;
  const memory = { ...openNotes(libc, slots), records: new RecordFile(createMemoryFile(libc, 'hand-off-records')) };
  const serving = new Serving(kernel, memory, options);
  // Before the other socket, by which givers find this process.
  const waiting = new WaitingSockets(DescriptorSocket.listen(libc, files.descriptors), isOwn);
  const server = createServer({ allowHalfOpen: false }, (socket: Socket) => {
    if (!isOwn(descriptorOf(socket))) socket.destroy();
    else greetGiver(socket, { name, slots, mayBeKilled: serving.mayBeKilled, waiting, onHello: serving.onHello });
  });
  try {
    await listen(server, files);
  } catch (error) {
    waiting.close();
    removeFiles(files);
    throw error;
  }
  serving.start();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    serving.close();
    const closed = new Promise((resolve) => void server.close(resolve));
    waiting.close();
    removeFiles(files);
    await closed;
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

function listen(server: Server, { messages }: TakerFiles): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(messages, () => {
      server.off('error', reject);
      // Accepting fails while no descriptors are left, and works again afterwards.
      server.on('error', () => {});
      server.unref();
      resolve();
    });
  });
}

function removeFiles({ messages, descriptors }: TakerFiles): void {
  removeFile(messages);
  removeFile(descriptors);
}
