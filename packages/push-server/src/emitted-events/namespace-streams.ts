import { randomBytes } from 'node:crypto';
import type { Position } from '@gopush/contract';
import { EventStream } from './event-stream.ts';
import type { Missed } from './missed-events.ts';

/** How much later one node may hear an event than another, in milliseconds. */
export const slackMs = 1_000;

/**
 * The senders of a stream's events. `own`: this node, to all nodes; `local`: this node, to its own clients; `foreign`: programs that name no stream.
 */
export type Whose = 'own' | 'local' | 'foreign';

/** An event that a client has had elsewhere, and that may still come here. */
interface Ahead {
  readonly stream: string;
  readonly offset: number;
}

/** The streams of events of one namespace, as this node has them. */
export class NamespaceStreams {
  readonly #names: Readonly<Record<Whose, string>>;
  readonly #next: Record<Whose, number> = { own: 1, local: 1, foreign: 1 };
  readonly #streams = new Map<string, EventStream>();
  /** Since when the namespace is here, in milliseconds since 1970. */
  readonly #since = Date.now();
  /** By socket: when a push-server dies there are thousands. */
  readonly #ahead = new Map<string, readonly Ahead[]>();

  constructor(id = randomBytes(9).toString('base64url')) {
    this.#names = { own: id, local: `${id}-l`, foreign: `${id}-f` };
  }

  /** Numbers an event. */
  next(whose: Whose): Position {
    return { epoch: this.#names[whose], offset: this.#next[whose]++ };
  }

  /** Whether no other node has the events of a stream under these numbers. */
  isHereOnly(stream: string): boolean {
    return stream === this.#names.local || stream === this.#names.foreign;
  }

  isForeign(stream: string): boolean {
    return stream === this.#names.foreign;
  }

  isLocal(stream: string): boolean {
    return stream === this.#names.local;
  }

  /** An event has come, and is kept. */
  came({ epoch, offset }: Position, at: number): void {
    const stream = this.#streams.get(epoch) ?? new EventStream(offset);
    stream.came(offset, at);
    this.#streams.set(epoch, stream);
  }

  /** An event is not kept any more. @param at - when it came */
  forget({ epoch, offset }: Position, at: number): void {
    this.#streams.get(epoch)?.forget(offset, at);
  }

  /** Forgets the streams of nodes that have sent nothing since a time. */
  forgetStreams(before: number): void {
    for (const [name, { latestAt }] of this.#streams) if (latestAt < before) this.#streams.delete(name);
  }

  /** Up to which event of each stream a socket has had all that was for it. */
  standing(socket: string): [stream: string, offset: number][] {
    const at = new Map([...this.#streams].map(([name, { latest }]) => [name, latest]));
    for (const { stream, offset } of this.#ahead.get(socket) ?? [])
      at.set(stream, Math.max(at.get(stream) ?? 0, offset));
    return [...at];
  }

  /** Whether a client has had an event elsewhere that comes here only now. */
  hasHad(socket: string, { epoch, offset }: Position): boolean {
    return this.#ahead.get(socket)?.some((one) => one.stream === epoch && one.offset >= offset) === true;
  }

  /**
   * Remembers for some time the events that a client has had elsewhere and that have not come here yet.
   *
   * @returns the offsets by their streams
   */
  rememberAhead(socket: string, after: Missed['after'], ms: number): ReadonlyMap<string, number> {
    const ahead = [...after].flatMap(([stream, offset]): Ahead[] =>
      offset > (this.#streams.get(stream)?.latest ?? 0) ? [{ stream, offset }] : [],
    );
    if (ahead.length > 0) {
      this.#ahead.set(socket, [...(this.#ahead.get(socket) ?? []), ...ahead]);
      setTimeout(() => {
        const left = this.#ahead.get(socket)?.filter((one) => !ahead.includes(one)) ?? [];
        if (left.length > 0) this.#ahead.set(socket, left);
        else this.#ahead.delete(socket);
      }, ms).unref();
    }
    return new Map(ahead.map(({ stream, offset }) => [stream, offset]));
  }

  /**
   * Whether this node has heard all that a client has missed.
   *
   * @param gapAt - when messages of other nodes may have been lost last, in milliseconds since 1970
   */
  hasHeard({ at, isExact, sent, after }: Missed, gapAt: number): boolean {
    // If a session was saved long before its end, nothing shows since when its client missed something.
    if (isExact && (this.#since > at || gapAt > at)) return false;
    for (const [name, offset] of sent) {
      if ((after.get(name) as number) < offset && (this.#streams.get(name)?.latest ?? 0) < offset) return false;
    }
    return true;
  }

  /**
   * Whether this node still keeps all that a client has missed.
   *
   * @param isSame - whether its session was on this node
   */
  keepsAll({ at, after }: Missed, isSame: boolean): boolean {
    for (const [name, stream] of this.#streams) {
      if (this.isLocal(name) && !isSame) continue;
      const last = after.get(name);
      const isWhole = last === undefined ? stream.isWholeSince(at - slackMs) : stream.isWholeAfter(last);
      if (!isWhole) return false;
    }
    return true;
  }

  /**
   * Whether a client has missed an event.
   *
   * @param at - when it came here, in milliseconds since 1970
   * @param isSame - whether its session was on this node
   */
  isMissed({ epoch, offset }: Position, at: number, missed: Missed, isSame: boolean): boolean {
    const last = missed.after.get(epoch);
    if (last !== undefined) return offset > last;
    if (at < missed.at - slackMs) return false;
    // If its node crashed, it is not known when the session began to miss something.
    if (this.isForeign(epoch)) return missed.isExact;
    return !this.isLocal(epoch) || isSame;
  }
}
