import type { events, Joined, Position, PresenceEvent, Published } from '@gopush/contract';
import { GopushError } from './error.ts';
import { type KeysOf, refuseUnknownKeys } from './known-keys.ts';
import type { PublishOptions, Room, RoomGap, Unsubscribe } from './room.ts';
import type { Ask } from './socket.ts';

const publishKeys: KeysOf<PublishOptions> = { id: true, echo: true, volatile: true };

/** What a room needs of its client. */
export interface RoomContext {
  readonly ask: Ask;
  readonly isConnected: boolean;
  /** How long a room waits before it is entered again after a failure that may pass, in milliseconds. */
  readonly retryMs: number;
  /** Asks the server to let the client in. */
  enter(request: unknown): Promise<Joined>;
  /** Tells the server that the client leaves, on the next connection if there is none now. */
  leave(name: string): Promise<void>;
  /** A room was entered: messages that came meanwhile can be given to it. */
  onEntered(): void;
  /** Messages of this epoch are the room's. */
  claim(epoch: string, room: OpenRoom): void;
  /** The client is no longer a member, because it left or was sent away. */
  onEnd(room: OpenRoom, error: GopushError | undefined): void;
}

/** Failures that may pass by themselves. */
const passing =
  /^(timeout|client_gone|not_durable|overloaded|too_many_requests|server_hook_timeout|stopping|internal)$/;

/** Most positions of own messages, and most idempotency keys, that a room remembers. */
const remembered = 1_000;

/** How long idempotency keys are remembered, in milliseconds: longer than a publisher retries, shorter than a key is used again. */
const rememberedMs = 600_000;

type Handler = (message: never, position: Position | null, sender: string | null) => void;

/** A room that is open. It enters itself after each connect, and drops messages that it has had. */
export class OpenRoom implements Room {
  readonly name: string;
  readonly joined: Promise<Joined>;
  position: Position | null;
  readonly #context: RoomContext;
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #gapHandlers = new Set<(gap: RoomGap) => void>();
  readonly #joinedHandlers = new Set<() => void>();
  readonly #lostHandlers = new Set<(error: GopushError) => void>();
  readonly #presenceHandlers = new Set<(event: PresenceEvent) => void>();
  /** Positions of messages that this client published itself: after a reconnect it would get them as missed ones. */
  readonly #own = new Set<string>();
  #settle!: { resolve: (joined: Joined) => void; reject: (error: GopushError) => void };
  /** Idempotency keys of messages that were not kept, with when they came: they come again if they are published again and kept. */
  readonly #unkept = new Map<string, number>();
  /** Resolves when the client is a member on the current connection. */
  #entering: Promise<void> = Promise.resolve();
  #wasIn = false;
  #isIn = false;
  #left = false;

  constructor(name: string, from: Position | null, context: RoomContext) {
    this.name = name;
    this.position = from;
    this.#context = context;
    if (from) context.claim(from.epoch, this);
    this.joined = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // A program that does not look at it learns of the failure from its next call.
    this.joined.catch(() => {});
  }

  /** Whether the client is a member on the current connection, or on the next one if that recovers the session. */
  get isIn(): boolean {
    return this.#isIn;
  }

  on<T>(event: string, handler: (message: T, position: Position | null, sender: string | null) => void): Unsubscribe {
    const handlers = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, handlers.add(handler as Handler));
    return () => void handlers.delete(handler as Handler);
  }

  onGap(handler: (gap: RoomGap) => void): Unsubscribe {
    this.#gapHandlers.add(handler);
    return () => void this.#gapHandlers.delete(handler);
  }

  onJoined(handler: () => void): Unsubscribe {
    this.#joinedHandlers.add(handler);
    if (this.#isIn) queueMicrotask(() => this.#joinedHandlers.has(handler) && handler());
    return () => void this.#joinedHandlers.delete(handler);
  }

  onLost(handler: (error: GopushError) => void): Unsubscribe {
    this.#lostHandlers.add(handler);
    return () => void this.#lostHandlers.delete(handler);
  }

  onPresence(handler: (event: PresenceEvent) => void): Unsubscribe {
    this.#presenceHandlers.add(handler);
    return () => void this.#presenceHandlers.delete(handler);
  }

  async publish(event: string, message?: unknown, options: PublishOptions = {}): Promise<Published> {
    refuseUnknownKeys('publish', options, publishKeys);
    if (!this.#context.isConnected) throw new GopushError('disconnected', 'there is no connection');
    await this.#entering;
    if (this.#left) throw new GopushError('left', 'the client left the room');
    const ask: typeof events.publish = 'go:publish';
    const published = await this.#context.ask<Published>(ask, { ...options, room: this.name, event, message });
    const { position, duplicate, partial } = published;
    if (position && !options.echo) {
      this.#own.add(keyOf(position));
      removeOldest(this.#own);
    }
    if (!position && options.id !== undefined && !options.echo) this.#remember(options.id);
    return { position, duplicate, ...(partial && { partial }) };
  }

  async leave(): Promise<void> {
    if (this.#left) return;
    this.#end();
    await this.#context.leave(this.name);
  }

  /** Enters the room on a new connection. */
  enter(): void {
    this.#entering = this.#enter();
    this.#entering.catch(() => {});
  }

  /** The client is in the room on this connection. */
  tellJoined(): void {
    for (const handler of [...this.#joinedHandlers]) handler();
  }

  async #enter(): Promise<void> {
    const context = this.#context;
    const from = this.position;
    this.#isIn = false;
    try {
      const joined = await context.enter(from ? { room: this.name, after: from.offset, epoch: from.epoch } : this.name);
      if (this.#left) return;
      const { position } = joined;
      if (position) context.claim(position.epoch, this);
      if (from ? joined.recovered === false : this.#wasIn) this.gap(position ?? { epoch: '', offset: 0 }, from);
      else if (position && !this.#isPast(position)) this.position = position;
      this.#wasIn = this.#isIn = true;
      this.#settle.resolve(joined);
      context.onEntered();
      this.tellJoined();
    } catch (error) {
      const failure = error as GopushError;
      // After a reconnect the room is entered anyway.
      if (this.#left || !context.isConnected) throw failure;
      if (!passing.test(failure.code)) {
        this.#end(failure);
        throw failure;
      }
      await new Promise((resolve) => setTimeout(resolve, context.retryMs));
      if (!this.#left && context.isConnected && !this.#isIn) await this.#enter();
    }
  }

  /** Gives a message to the handlers; `null` is the position of one that was not kept. */
  // biome-ignore lint/complexity/useMaxParams: called for each message, which needs no object for it
  receive(event: string, message: unknown, position: Position | null, sender: string | null, id?: string): void {
    if (position) {
      if (this.#isPast(position)) return;
      this.position = position;
      if (this.#own.delete(keyOf(position))) return;
    }
    if (id !== undefined && this.#hadUnkept(id, sender, position !== null)) return;
    for (const handler of [...(this.#handlers.get(event) ?? [])]) handler(message as never, position, sender);
  }

  /** Whether the same message has come before without being kept. Remembers it if it is not kept. The keys of different senders are different. */
  #hadUnkept(id: string, sender: string | null, isKept: boolean): boolean {
    const key = this.#unkept.has(id) ? id : ofSender(id, sender);
    const before = this.#unkept.get(key);
    this.#unkept.delete(key);
    if (!isKept) this.#remember(ofSender(id, sender));
    return before !== undefined && Date.now() - before < rememberedMs;
  }

  #remember(id: string): void {
    this.#unkept.set(id, Date.now());
    removeOldest(this.#unkept);
  }

  /** The room's history has a new epoch; no messages are lost. */
  begin(position: Position): void {
    this.position = position;
  }

  presence(event: PresenceEvent): void {
    for (const handler of [...this.#presenceHandlers]) handler(event);
  }

  gap(position: Position, after: Position | null = this.position): void {
    if (!this.#isPast(position)) this.position = position.epoch ? position : null;
    for (const handler of [...this.#gapHandlers]) handler({ room: this.name, after, position });
  }

  /** Whether the client has the message at a position. */
  #isPast({ epoch, offset }: Position): boolean {
    return this.position?.epoch === epoch && offset <= this.position.offset;
  }

  #end(error?: GopushError): void {
    this.#left = true;
    this.#context.onEnd(this, error);
    this.#settle.reject(error ?? new GopushError('left', 'the client left the room'));
    if (error) for (const handler of [...this.#lostHandlers]) handler(error);
  }
}

function removeOldest(all: Set<string> | Map<string, unknown>): void {
  for (const oldest of all.keys()) {
    if (all.size <= remembered) return;
    all.delete(oldest);
  }
}

/** The idempotency key of another sender's message, apart from own ones. Keys have no control characters. */
function ofSender(id: string, sender: string | null): string {
  return `${id}\n${sender ?? ''}`;
}

function keyOf({ epoch, offset }: Position): string {
  return `${epoch}.${offset}`;
}
