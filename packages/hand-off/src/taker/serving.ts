import type { Channel } from '../channel/channel.ts';
import { silentSecondsOf } from '../channel/deadlines.ts';
import type { Hello } from '../channel/hello.ts';
import { messageTypes as types } from '../channel/message-types.ts';
import type { Refusal } from '../channel/refusals.ts';
import type { Notes } from '../notes/notes.ts';
import type { DescriptorSocket } from '../system/descriptor-socket.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { RecordFile } from '../system/record-file.ts';
import type { ReadsInto } from '../system/tcp-handle.ts';
import { GiverLink, type LinkHost } from './giver-link.ts';
import type { OfferedClient } from './offered-client.ts';
import { type Owner, Taken, type TakenHost } from './taken.ts';
import { readInto } from './taken-socket.ts';
import type { TakerOptions } from './taker.ts';

/** Most connections of a taker whose program sets no other bound. */
export const defaultConnections = 65_536;

/** Files in memory that a taker keeps outside of its heap. */
export interface TakerMemory {
  /** Descriptor of the file of the notes, which is locked while this process lives. */
  readonly notesFile: number;
  readonly notes: Notes | undefined;
  readonly records: RecordFile;
}

/** What a taker serves: its givers, and the connections of all of them. */
export class Serving implements LinkHost, TakenHost {
  readonly kernel: KernelSocket;
  readonly notes: Notes | undefined;
  readonly readsInto: ReadsInto | undefined;
  readonly records: RecordFile;
  #notesFile: number;
  readonly #options: TakerOptions;
  readonly #links = new Set<GiverLink>();
  /** Connections that no giver has. */
  readonly #alone = new Set<Taken>();
  #size = 0;
  /** Of connections that have ended. */
  #messages = 0;
  #isStopped = false;
  #isClosed = false;
  readonly #silentSeconds: number;
  #timer: NodeJS.Timeout | undefined;
  /** The value that givers were sent last. */
  #mayBeKilled = false;

  constructor(kernel: KernelSocket, { notesFile, notes, records }: TakerMemory, options: TakerOptions) {
    this.kernel = kernel;
    this.#notesFile = notesFile;
    this.notes = notes;
    this.readsInto = notes && readInto(notes.readBuffer);
    this.records = records;
    this.#silentSeconds = silentSecondsOf(options.silentMs);
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  get alone(): number {
    return this.#alone.size;
  }

  messages(): number {
    let sum = this.#messages;
    for (const link of this.#links) for (const taken of link.taken()) sum += messagesOf(taken);
    for (const taken of this.#alone) sum += messagesOf(taken);
    return sum;
  }

  start(): void {
    this.#timer = setInterval(() => this.#beat(), 1_000).unref();
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const { channel } of this.#links) channel.send(types.stop, 0);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#isStopped = true;
    for (const link of this.#links) link.bye();
    this.#closeFiles();
  }

  /**
   * Closes the file of notes, which unlocks it, and the one of records, which are for givers alone. A giver that asks for the lock after that
   * would take this process for dead, so all givers must first know that it lives.
   */
  #closeFiles(): void {
    if (!this.#isClosed || this.#links.size > 0 || this.#notesFile < 0) return;
    this.closeDescriptor(this.#notesFile);
    this.#notesFile = -1;
    this.records.close();
  }

  readonly mayBeKilled = (): boolean => this.#options.mayBeKilled?.() === true;

  readonly onHello = (hello: Hello, channel: Channel, descriptors: DescriptorSocket): GiverLink => {
    const link = new GiverLink(hello.name, channel, descriptors, this);
    this.#links.add(link);
    // Before the welcome, which waits for the end of the tick.
    if (!this.#isClosed) descriptors.send([0], [this.#notesFile]);
    else setImmediate(() => link.bye());
    if (this.#isStopped) channel.send(types.stop, 0);
    this.#callHandler(() => this.#options.onGiver(hello.name, 'open', undefined));
    // Not before the welcome has left.
    setImmediate(() => this.onRoom());
    return link;
  };

  take(link: Owner, offered: OfferedClient): Taken | { refusal: Refusal; detail: string } {
    const { descriptor } = offered;
    if (descriptor < 0) return { refusal: 'unfit', detail: 'its descriptor did not arrive' };
    const refused = this.#whyNot(descriptor);
    if (refused !== undefined) {
      this.closeDescriptor(descriptor);
      return refused;
    }
    try {
      const taken = new Taken(this, link, offered);
      this.#size++;
      return taken;
    } catch (error) {
      this.closeDescriptor(descriptor);
      return { refusal: 'unfit', detail: (error as Error).message };
    }
  }

  onConnection(taken: Taken, head: Buffer): void {
    const { socket } = taken;
    // A server listens to errors only once it has the connection.
    taken.ignoreErrors();
    try {
      const options = this.#options;
      const unread = options.onRequest === undefined ? head : options.onRequest(taken, head);
      if (unread === undefined) return;
      socket.unshift(unread);
      options.onConnection(taken);
    } catch (error) {
      socket.destroy();
      this.#fault(error);
    }
  }

  onCloseRequest(taken: Taken, code: number, cause: string): void {
    this.#callHandler(() => this.#options.onCloseRequest(taken, code, cause));
  }

  onLeaveRequest(taken: Taken): void {
    this.#callHandler(() => this.#options.onLeaveRequest?.(taken));
  }

  closeDescriptor(descriptor: number): void {
    this.kernel.close(descriptor);
  }

  onLeaving(): void {
    this.onRoom();
  }

  onClosed(taken: Taken): void {
    this.#size--;
    this.#alone.delete(taken);
    this.#messages += messagesOf(taken);
  }

  onAlone(taken: Taken): void {
    if (taken.socket.destroyed) return;
    this.#alone.add(taken);
  }

  /** Gives connections without another owner to the givers that have fewest. */
  onRoom(): void {
    for (const taken of this.#alone) {
      if (taken.socket.destroyed) continue;
      const link = this.#leastLoaded();
      if (link === undefined) return;
      if (!link.giveDuplicate(taken)) return;
      this.#alone.delete(taken);
    }
  }

  onGone(link: GiverLink, reason: string): void {
    this.#links.delete(link);
    this.#closeFiles();
    this.#callHandler(() => this.#options.onGiver(link.name, 'gone', reason));
    this.onRoom();
  }

  #whyNot(descriptor: number): { refusal: Refusal; detail: string } | undefined {
    if (this.#isStopped) return { refusal: 'full', detail: 'it is stopping' };
    if (this.#size >= (this.#options.maxConnections ?? defaultConnections)) {
      return { refusal: 'full', detail: 'it has its most connections' };
    }
    const detail = this.kernel.whyUnfit(descriptor);
    return detail === undefined ? undefined : { refusal: 'unfit', detail };
  }

  #leastLoaded(): GiverLink | undefined {
    let least: GiverLink | undefined;
    if (this.#isClosed) return undefined;
    for (const link of this.#links) {
      if (link.isReady && (least === undefined || link.size < least.size)) least = link;
    }
    return least;
  }

  #beat(): void {
    this.#callHandler(() => this.#sendMayBeKilled());
    for (const link of this.#links) link.beat(this.#silentSeconds);
    this.onRoom();
  }

  /** A debugger may have come, or gone. */
  #sendMayBeKilled(): void {
    const mayBeKilled = this.mayBeKilled();
    if (mayBeKilled === this.#mayBeKilled) return;
    this.#mayBeKilled = mayBeKilled;
    for (const { channel } of this.#links) channel.send(types.mayBeKilled, 0, Buffer.of(mayBeKilled ? 1 : 0));
  }

  #callHandler(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    try {
      this.#options.onFault(error);
    } catch {
      // No giver is left to tell.
    }
  }
}

function messagesOf({ ending }: Taken): number {
  return (ending?.messagesIn ?? 0) + (ending?.messagesOut ?? 0);
}
