import type { events, Gap, Joined, Position, Published } from '@gopush/contract';
import { GopushError } from './error.ts';
import { type KeysOf, refuseUnknownKeys } from './known-keys.ts';
import type { Ask } from './socket.ts';

/** Ends what was begun by the call that returned it. */
export type Unsubscribe = () => void;

/** How a room is entered. */
export interface JoinOptions {
  /** Where the client stood before: it is given what came since. @defaultValue from now on */
  readonly from?: Position | null;
}

/** How something is said to a room. */
export interface PublishOptions {
  /** Saying the same with the same id again says it once. */
  readonly id?: string;
  /** Whether this client is to get it, too. @defaultValue false */
  readonly echo?: boolean;
  /** Not kept, and lost to whoever cannot take it now. @defaultValue false */
  readonly volatile?: boolean;
}

const publishKeys: KeysOf<PublishOptions> = { id: true, echo: true, volatile: true };

/** There may be messages after `after` and up to `position` that this client did not get. */
export interface RoomGap extends Gap {
  /** Where the client stood; `null`: it had no position. */
  readonly after: Position | null;
}

/** A room that is entered, and entered again after each reconnect. */
export interface Room {
  readonly name: string;
  /** Where the client stands in the room's history; `null` where it keeps none, or nothing was said yet. To be given as `from` later. */
  readonly position: Position | null;
  /** The answer to entering it for the first time; rejects with a {@link GopushError} where it is refused. */
  readonly joined: Promise<Joined>;
  /**
   * Calls back for each message of an event in this room. Its position is `null` where it was not kept; its sender is the uid of the client
   * that published it, `null` for a program or where `pushServer.senders` is off.
   */
  on<T = unknown>(
    event: string,
    handler: (message: T, position: Position | null, sender: string | null) => void,
  ): Unsubscribe;
  /** Calls back where messages may have been missed for good. */
  onGap(handler: (gap: RoomGap) => void): Unsubscribe;
  /** Says something to the others in the room. Rejects with a {@link GopushError}: say it again with the same `id` to be sure. */
  publish(event: string, message?: unknown, options?: PublishOptions): Promise<Published>;
  leave(): Promise<void>;
}

/** What a room needs of its client. */
export interface RoomContext {
  readonly ask: Ask;
  readonly enter: (request: unknown) => Promise<Joined>;
  /** What came while it was being entered can be given now. */
  readonly onEntered: () => void;
  /** Whose marks of this epoch are. */
  readonly claim: (epoch: string, room: OpenRoom) => void;
  readonly isConnected: () => boolean;
  readonly retryMs: number;
  /** It is not a member any more, by its own will or the server's. */
  readonly onEnd: (error: GopushError | undefined) => void;
}

/** Failures that pass by themselves. */
const passing =
  /^(timeout|client_gone|not_durable|overloaded|too_many_requests|server_hook_timeout|stopping|internal)$/;

/** How many messages of our own that are on their way to the others are remembered, and how many ids. */
const remembered = 1_000;

/** For how long ids are remembered, in milliseconds: longer than a publisher tries, shorter than ids are used anew. */
const rememberedMs = 600_000;

type Handler = (message: never, position: Position | null, sender: string | null) => void;

export class OpenRoom implements Room {
  readonly name: string;
  readonly joined: Promise<Joined>;
  position: Position | null;
  readonly #context: RoomContext;
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #gapHandlers = new Set<(gap: RoomGap) => void>();
  /** What this client said itself: after a reconnect it would be given to it as missed. */
  readonly #own = new Set<string>();
  #settle!: { resolve: (joined: Joined) => void; reject: (error: GopushError) => void };
  /** Ids of messages that came while the server could not keep them, with when they came: they may come again when they are kept. */
  readonly #unkept = new Map<string, number>();
  /** Resolves when it is a member on the connection there is. */
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
    // Whoever does not look at it learns of it from what they ask of the room.
    this.joined.catch(() => {});
  }

  /** Whether it is a member on the connection there is, or will be on one that goes on with the session. */
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

  async publish(event: string, message?: unknown, options: PublishOptions = {}): Promise<Published> {
    refuseUnknownKeys('publish', options, publishKeys);
    if (!this.#context.isConnected()) throw new GopushError('disconnected', 'there is no connection');
    await this.#entering;
    if (this.#left) throw new GopushError('left', 'the room was left');
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
    const ask: typeof events.leave = 'go:leave';
    // Without a connection it is not in any room.
    if (this.#context.isConnected()) await this.#context.ask(ask, this.name);
  }

  /** There is a new connection, on which it is not a member yet. */
  enter(): void {
    this.#entering = this.#enter();
    this.#entering.catch(() => {});
  }

  async #enter(): Promise<void> {
    const { isConnected, retryMs, claim, onEntered } = this.#context;
    const from = this.position;
    this.#isIn = false;
    try {
      const joined = await this.#context.enter(
        from ? { room: this.name, after: from.offset, epoch: from.epoch } : this.name,
      );
      if (this.#left) return;
      const { position } = joined;
      if (position) claim(position.epoch, this);
      if (from ? joined.recovered === false : this.#wasIn) this.gap(position ?? { epoch: '', offset: 0 }, from);
      else if (position && !this.#isPast(position)) this.position = position;
      this.#wasIn = this.#isIn = true;
      this.#settle.resolve(joined);
      onEntered();
    } catch (error) {
      const failure = error as GopushError;
      // After a reconnect it is entered anyway.
      if (this.#left || !isConnected()) throw failure;
      if (!passing.test(failure.code)) {
        this.#end(failure);
        throw failure;
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      if (!this.#left && isConnected() && !this.#isIn) await this.#enter();
    }
  }

  /** A message came; `null` is the position of what is not kept. */
  receive(event: string, message: unknown, position: Position | null, sender: string | null, id?: string): void {
    if (position) {
      if (this.#isPast(position)) return;
      this.position = position;
      if (this.#own.delete(keyOf(position))) return;
    }
    if (id !== undefined && this.#hadUnkept(id, sender, position !== null)) return;
    for (const handler of [...(this.#handlers.get(event) ?? [])]) handler(message as never, position, sender);
  }

  /** Whether a message came before that was not kept. One that is not kept is remembered. Another publisher's is another one. */
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

  /** The history goes on elsewhere; nothing was missed. */
  begin(position: Position): void {
    this.position = position;
  }

  gap(position: Position, after: Position | null = this.position): void {
    if (!this.#isPast(position)) this.position = position.epoch ? position : null;
    for (const handler of [...this.#gapHandlers]) handler({ room: this.name, after, position });
  }

  /** Whether it has what stands there. */
  #isPast({ epoch, offset }: Position): boolean {
    return this.position?.epoch === epoch && offset <= this.position.offset;
  }

  #end(error?: GopushError): void {
    this.#left = true;
    this.#context.onEnd(error);
    this.#settle.reject(error ?? new GopushError('left', 'the room was left'));
  }
}

function removeOldest(all: Set<string> | Map<string, unknown>): void {
  for (const oldest of all.keys()) {
    if (all.size <= remembered) return;
    all.delete(oldest);
  }
}

/** The id of a message that came, apart from ids of our own. Ids hold no control characters. */
function ofSender(id: string, sender: string | null): string {
  return `${id}\n${sender ?? ''}`;
}

function keyOf({ epoch, offset }: Position): string {
  return `${epoch}.${offset}`;
}
