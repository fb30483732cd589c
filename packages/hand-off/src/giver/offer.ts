import { Socket } from 'node:net';
import { maxEarlyBytes, maxHeadBytes, maxRecordBytes } from '../channel/limits.ts';
import type { AcceptMessage, OfferMessage, ResponseMessage } from '../channel/messages.ts';
import { failed, type Outcome, success } from '../channel/outcome.ts';
import { noSlot, type SlotRef } from '../notes/layout.ts';
import { descriptorOf } from '../system/descriptor-of.ts';
import type { AcceptOptions, NotOffered, Offered, OfferOptions } from './givers.ts';
import type { Handed } from './handed.ts';
import type { HandedOver } from './handed-over.ts';

/** The channel of an offer. */
export interface OfferLink<T> {
  /** A duplicate of a descriptor, for an offer; negative: there are no descriptors left. */
  duplicate(descriptor: number): number;
  closeDescriptor(descriptor: number): void;
  /** The taker need not continue with it. */
  withdraw(id: number): void;
  /** Hands it over. */
  accept(id: number, handed: Handed<T>, slot: SlotRef, message: AcceptMessage): void;
  /** A new connection of which this process has a duplicate. */
  create(id: number, descriptor: number, record: Buffer, user: T): Handed<T>;
  /** The offer is over. */
  settled(id: number): void;
}

const noBytes = Buffer.alloc(0);

type Result<T> = Outcome<Offered<T>, NotOffered>;

/** One offer, from its message to its end. */
export class Offer<T> implements Offered<T> {
  readonly id: number;
  readonly #link: OfferLink<T>;
  readonly #options: OfferOptions<T>;
  /** The descriptor that is offered: a duplicate if the client is a socket. */
  #descriptor: number;
  #resolve: ((result: Result<T>) => void) | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #response: ResponseMessage | undefined;
  /** The taker does not have it any more. */
  #isOver = false;

  constructor(link: OfferLink<T>, id: number, options: OfferOptions<T>) {
    this.#link = link;
    this.id = id;
    this.#options = options;
    const { client } = options;
    this.#descriptor = client instanceof Socket ? -1 : (client as Handed<T>).descriptor;
  }

  get head(): Buffer {
    return this.#response?.head ?? noBytes;
  }

  get body(): Buffer | undefined {
    return this.#response?.body;
  }

  /** Size of what is sent, in bytes. */
  get bytes(): number {
    return this.#options.head.length + this.#options.record.length;
  }

  /** What is sent. */
  get message(): OfferMessage {
    return this.#options;
  }

  /** Takes a descriptor for the offer. @returns why it cannot be offered */
  prepare(): ReturnType<typeof failed<NotOffered>> | undefined {
    const { client, head, record, signal } = this.#options;
    if (signal?.aborted) return failed('aborted', 'before it was offered');
    if (head.length > maxHeadBytes || record.length > maxRecordBytes)
      return failed('unfit', 'its head or record is too large');
    if (!(client instanceof Socket)) return client.state === 'alone' ? undefined : failed('client gone', client.state);
    if (client.destroyed) return failed('client gone', 'its socket is closed');
    // A TLS socket has the descriptor of the connection below it, which carries ciphertext.
    const descriptor = client.constructor === Socket ? descriptorOf(client) : -1;
    if (descriptor < 0) return failed('unfit', 'its socket is no plain TCP socket');
    this.#descriptor = this.#link.duplicate(descriptor);
    return this.#descriptor < 0 ? failed('full', 'there are no descriptors left') : undefined;
  }

  get descriptor(): number {
    return this.#descriptor;
  }

  /** Waits for the response. */
  wait(): Promise<Result<T>> {
    const { client, signal, timeoutMs } = this.#options;
    this.#deadline = setTimeout(() => this.#fail('silent', `no response within ${timeoutMs} ms`), timeoutMs);
    signal?.addEventListener('abort', this.#onAbort);
    if (client instanceof Socket) client.on('close', this.#onClientGone);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** The taker has responded. */
  onResponse(response: ResponseMessage): void {
    this.#response = response;
    if (response.body !== undefined) this.#end();
    this.#settle(success(this));
  }

  /** The taker is gone, or does not want it. */
  onLost(cause: NotOffered, detail: string): void {
    this.#end();
    this.#settle(failed(cause, detail));
  }

  /** Whether the taker has responded, so that it may be accepted at any time. */
  get hasResponse(): boolean {
    return this.#response !== undefined;
  }

  withdraw(): void {
    if (this.#isOver) return;
    this.#link.withdraw(this.id);
    this.#end();
  }

  /** Undoes what {@link prepare} did. */
  release(): void {
    // That of a connection that is alone stays with it.
    if (!(this.#options.client instanceof Socket)) return;
    if (this.#descriptor >= 0) this.#link.closeDescriptor(this.#descriptor);
    this.#descriptor = -1;
  }

  async accept(options: AcceptOptions<T>): Promise<Outcome<HandedOver<T>, 'client gone' | 'lost'>> {
    const { client } = this.#options;
    if (this.body !== undefined) throw new Error('a response that is no upgrade cannot be accepted');
    if (this.#isOver) {
      abandon(client);
      return failed('lost', 'the taker is gone');
    }
    const isFree = hasWritten(client) || (await this.#drained());
    const early = isFree ? earlyOf(client, options.early) : undefined;
    if (early === undefined || this.#isOver) {
      const isLost = this.#isOver;
      this.withdraw();
      abandon(client);
      return isLost ? failed('lost', 'the taker is gone') : failed('client gone', 'its connection is broken');
    }
    const record = options.record ?? this.#options.record;
    const handed = record.length > maxRecordBytes ? undefined : this.#hand(options.user, record);
    if (handed === undefined) {
      this.#link.withdraw(this.id);
      abandon(client);
      return failed('lost', 'its record cannot be kept');
    }
    const message = { skipFrames: options.skipFrames ?? 0, record, first: options.write ?? noBytes, early };
    this.#link.accept(this.id, handed, this.#response ?? noSlot, message);
    // It has a duplicate: this sends nothing.
    if (client instanceof Socket) client.destroy();
    return success(handed);
  }

  /** @returns `undefined` if there is no memory for its record */
  #hand(user: T, record: Buffer): Handed<T> | undefined {
    const { client } = this.#options;
    const descriptor = this.#descriptor;
    this.#isOver = true;
    this.#descriptor = -1;
    this.#link.settled(this.id);
    try {
      if (client instanceof Socket) return this.#link.create(this.id, descriptor, record, user);
      const handed = client as Handed<T>;
      handed.replaceRecord(record);
      handed.user = user;
      return handed;
    } catch {
      return undefined;
    }
  }

  /** Waits until what this process has written to the client is on its way: the taker writes next. @returns whether it is */
  #drained(): Promise<boolean> {
    const { client, timeoutMs } = this.#options;
    if (!(client instanceof Socket) || client.destroyed || !client.writable) return Promise.resolve(false);
    return new Promise((resolve) => {
      const onDone = (): void => {
        clearTimeout(deadline);
        client.off('close', onDone);
        resolve(hasWritten(client));
      };
      const deadline = setTimeout(onDone, timeoutMs);
      client.on('close', onDone);
      client.write(noBytes, onDone);
    });
  }

  readonly #onAbort = (): void => this.#fail('aborted', 'while it was offered');
  readonly #onClientGone = (): void => this.#fail('client gone', 'its socket has closed');

  #fail(cause: NotOffered, detail: string): void {
    this.withdraw();
    this.#settle(failed(cause, detail));
  }

  #settle(result: Result<T>): void {
    const { client, signal } = this.#options;
    clearTimeout(this.#deadline);
    signal?.removeEventListener('abort', this.#onAbort);
    if (client instanceof Socket) client.off('close', this.#onClientGone);
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(result);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#link.settled(this.id);
    this.release();
  }
}

/** The client may have received a part of a response, so no other target can respond; if it received none, it reconnects. */
function abandon(client: Socket | HandedOver<unknown>): void {
  if (client instanceof Socket) client.destroy();
  else if (client.state === 'alone') client.cut();
}

/** Whether a client is there, and nothing waits to be written to it. */
function hasWritten(client: Socket | HandedOver<unknown>): boolean {
  if (!(client instanceof Socket)) return client.state === 'alone';
  return !client.destroyed && client.writable && client.writableLength === 0;
}

/** All that was read of the client; `undefined`: too much. */
function earlyOf(client: Socket | HandedOver<unknown>, early: Buffer | undefined): Buffer | undefined {
  const chunks = early === undefined ? [] : [early];
  if (client instanceof Socket) {
    for (let chunk: Buffer | null = client.read(); chunk !== null; chunk = client.read()) chunks.push(chunk);
  }
  const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  return all.length > maxEarlyBytes ? undefined : all;
}
