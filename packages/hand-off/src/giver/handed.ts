import { Socket } from 'node:net';
import type { SlotRef } from '../notes/layout.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { RecordFile } from '../system/record-file.ts';
import type { Counts, HandedOver } from './handed-over.ts';

/** What all connections of a process that were handed over share. */
export interface HandedHost {
  readonly kernel: KernelSocket;
  readonly records: RecordFile;
  /** Those that no taker serves. The others are known to their takers: a second list of them would cost memory for each. */
  readonly alone: Set<Handed<unknown>>;
}

/** The taker of a connection, as the connection sees it. */
export interface ServingTaker {
  readonly port: number;
  /** Asks for the end of a connection. */
  requestClose(id: number, code: number, cause: string): void;
  /** Asks for a connection back. @returns whether the taker understands that */
  requestLeave(id: number): boolean;
  /** Whether the taker, whose channel is gone, has surely been silent for so long. */
  isSilentFor(ms: number): boolean;
  /** Kills the taker, which is silent. @returns whether that could be done */
  kill(): boolean;
  /** The connection is no longer of interest. */
  forget(id: number): void;
}

/** A client of whose connection this process has a duplicate. */
interface DuplicatedClient<T> {
  /** Its number at its taker. */
  readonly id: number;
  readonly descriptor: number;
  readonly record: Buffer;
  readonly user: T;
}

/** There is one for each client of an agent: what all share is in its host. */
export class Handed<T> implements HandedOver<T> {
  user: T;
  readonly #host: HandedHost;
  #taker: ServingTaker;
  /** Negative: it is closed. */
  #descriptor: number;
  #record: number;
  #isServed = false;
  /** Its number at its taker. */
  id: number;
  /** Where its taker notes how far it is. */
  slot = 0;
  generation = 0;
  /** Whether its taker was sent bytes with it: if that dies before it has read them, they have to be known. */
  cameWithBytes = false;

  /** Takes the descriptor over. @throws Error if the record cannot be kept; the descriptor is closed then */
  constructor(host: HandedHost, taker: ServingTaker, { id, descriptor, record, user }: DuplicatedClient<T>) {
    this.#host = host;
    this.#taker = taker;
    this.#descriptor = descriptor;
    this.id = id;
    this.user = user;
    try {
      this.#record = host.records.put(record);
    } catch (error) {
      host.kernel.close(descriptor);
      throw error;
    }
  }

  get state(): 'served' | 'alone' | 'over' {
    if (this.#descriptor < 0) return 'over';
    return this.#isServed ? 'served' : 'alone';
  }

  get port(): number {
    return this.#taker.port;
  }

  /** Not for a program: a descriptor that it closes would become another client's. */
  get descriptor(): number {
    return this.#descriptor;
  }

  readRecord(): Buffer {
    return this.#record < 0 ? Buffer.alloc(0) : this.#host.records.read(this.#record);
  }

  counts(): Counts {
    const counts = this.#descriptor < 0 ? undefined : this.#host.kernel.counts(this.#descriptor);
    return { bytesIn: counts?.bytesIn ?? 0, bytesOut: counts?.bytesOut ?? 0 };
  }

  idleMs(): number {
    return this.#descriptor < 0 ? 0 : this.#host.kernel.idleMs(this.#descriptor);
  }

  hasClientEnded(): boolean {
    return this.#descriptor < 0 || !this.#host.kernel.isEstablished(this.#descriptor);
  }

  close(code: number, cause: string): void {
    if (this.state === 'served') this.#taker.requestClose(this.id, code, cause);
  }

  askToLeave(): boolean {
    return this.state === 'served' && this.#taker.requestLeave(this.id);
  }

  get taker(): object {
    return this.#taker;
  }

  isTakerSilentFor(ms: number): boolean {
    return this.state === 'alone' && this.#taker.isSilentFor(ms);
  }

  killTaker(): boolean {
    return this.state === 'alone' && this.#taker.kill();
  }

  takeBack(): Socket {
    if (this.state !== 'alone') throw new Error(`a connection that is ${this.state} cannot be taken back`);
    const socket = new Socket({ fd: this.#descriptor, readable: true, writable: true, allowHalfOpen: true });
    socket.pause();
    Handed.#leave(this);
    Handed.#dropRecord(this);
    return socket;
  }

  release(): void {
    this.drop();
  }

  cut(): void {
    if (this.#descriptor < 0) return;
    this.#host.kernel.cut(this.#descriptor);
    this.drop();
  }

  /** @throws Error if the new one cannot be kept */
  replaceRecord(record: Buffer): void {
    const older = this.#record;
    this.#record = this.#host.records.put(record);
    this.#host.records.drop(older);
  }

  /** A taker serves it from now on. @param cameWithBytes - see {@link Handed.cameWithBytes} */
  serve(taker: ServingTaker, id: number, { slot, generation }: SlotRef, cameWithBytes: boolean): void {
    this.cameWithBytes = cameWithBytes;
    this.#host.alone.delete(this);
    this.#taker = taker;
    this.id = id;
    this.slot = slot;
    this.generation = generation;
    this.#isServed = true;
  }

  /** No process serves it any more. */
  orphan(): void {
    this.#isServed = false;
    this.#host.alone.add(this);
  }

  /** Closes the duplicate: the connection continues if it has another owner. @param whenClosed - called while the record can still be read */
  drop(whenClosed: () => void = nothing): void {
    const descriptor = this.#descriptor;
    if (descriptor < 0) return;
    Handed.#leave(this);
    this.#host.kernel.close(descriptor);
    whenClosed();
    Handed.#dropRecord(this);
  }

  // These two are static, since private methods take 8 bytes of each object.
  static #leave(handed: Handed<unknown>): void {
    if (handed.#isServed) handed.#taker.forget(handed.id);
    handed.#isServed = false;
    handed.#descriptor = -1;
    handed.#host.alone.delete(handed);
  }

  static #dropRecord(handed: Handed<unknown>): void {
    handed.#host.records.drop(handed.#record);
    handed.#record = -1;
  }
}

function nothing(): void {}
