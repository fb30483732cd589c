import { createServer, type Server, type Socket } from 'node:net';
import { type TakerFiles, unfitFolder } from '../channel/folder.ts';
import { changedAt, removeFile } from '../channel/socket-file.ts';
import { descriptorOf } from '../system/descriptor-of.ts';
import { DescriptorSocket } from '../system/descriptor-socket.ts';
import type { Libc } from '../system/libc.ts';
import { WaitingSockets } from './waiting-sockets.ts';

/** Options of {@link MeetingPlace}. */
export interface MeetingPlaceOptions {
  readonly libc: Libc;
  readonly dir: string;
  readonly files: TakerFiles;
  /** Whether the other end of a socket is of this user. */
  isOwn(descriptor: number): boolean;
  /** A giver has connected, and says hello next. */
  onGiver(socket: Socket, waiting: WaitingSockets): void;
}

/** How often a taker looks whether its sockets are still there, in milliseconds. */
const lookMs = 1_000;

/** The two sockets by which givers find a taker. */
export class MeetingPlace {
  readonly #options: MeetingPlaceOptions;
  #waiting: WaitingSockets | undefined = undefined;
  #server: Server | undefined = undefined;
  #looking: NodeJS.Timeout | undefined = undefined;
  /** Ends of sockets that somebody has removed: givers that came by them keep their channels. */
  readonly #ends: Promise<void>[] = [];
  #isClosed = false;

  constructor(options: MeetingPlaceOptions) {
    this.#options = options;
  }

  /** Listens, until it is closed. @throws Error if that is impossible; nothing is left there then */
  async open(): Promise<void> {
    await this.#listen();
    this.#lookLater();
  }

  /** Resolves when the givers that have connected have closed their channels. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#looking);
    await Promise.all([...this.#ends, this.#end()]);
  }

  async #listen(): Promise<void> {
    const { libc, files, isOwn, onGiver } = this.#options;
    // Before the other socket, by which givers find this process.
    const waiting = new WaitingSockets(DescriptorSocket.listen(libc, files.descriptors), isOwn);
    const server = createServer({ allowHalfOpen: false }, (socket: Socket) => {
      if (isOwn(descriptorOf(socket))) onGiver(socket, waiting);
      else socket.destroy();
    });
    this.#waiting = waiting;
    this.#server = server;
    try {
      await listen(server, files);
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  async #end(): Promise<void> {
    const { messages, descriptors } = this.#options.files;
    const server = this.#server;
    this.#server = undefined;
    this.#waiting?.close();
    this.#waiting = undefined;
    const closed = new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    for (const path of [messages, descriptors]) {
      try {
        removeFile(path);
      } catch {
        // The next taker of the port may be able to.
      }
    }
    await closed;
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#looking = setTimeout(() => void this.#look().finally(() => this.#lookLater()), lookMs);
    this.#looking.unref();
  }

  /** Listens again if its sockets are gone: some systems remove the folder of a user who logs out. Givers that start now would not find it. */
  async #look(): Promise<void> {
    if (this.#isThere) return;
    try {
      if (this.#server !== undefined) this.#ends.push(this.#end());
      if (unfitFolder(this.#options.dir) === undefined) await this.#listen();
      if (this.#isClosed) await this.#end();
    } catch {
      // It is tried again after a second.
    }
  }

  get #isThere(): boolean {
    const { messages, descriptors } = this.#options.files;
    try {
      return this.#server !== undefined && changedAt(messages) !== undefined && changedAt(descriptors) !== undefined;
    } catch {
      return false;
    }
  }
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
