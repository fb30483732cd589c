import { events, type InboxMessage } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { emittedAgain, SmallSet } from '@gopush/slim-socket-io';
import type { InboxStore } from '@gopush/store';
import type { Socket } from 'socket.io';
import { decodePublication, type Publication } from '../rooms/codec/publication.ts';

/** Messages that are under way to one client at a time. */
const windowSize = 32;

/** How long a client has to acknowledge a message until it is given again, in milliseconds. */
const ackMs = 30_000;

/**
 * Gives one client what waits for its user, in order, at least once. What is acknowledged by one device is over for all; until then each
 * device gets it.
 */
export class InboxPump {
  readonly #socket: Socket;
  readonly #uid: string;
  readonly #inbox: InboxStore;
  readonly #onUndecodable: (uid: string, error: unknown) => void;
  readonly #log: Logger;
  /** The last one that is under way or done. */
  #after: number;
  /** Those that are under way. */
  readonly #underWay = new SmallSet<number>();
  #woken = false;
  #running: Promise<void> | undefined;
  #stopped = false;

  /**
   * @param onUndecodable - told of each message that cannot be decoded
   * @param after - what the client has got in an earlier part of its session
   */
  constructor(
    socket: Socket,
    uid: string,
    inbox: InboxStore,
    onUndecodable: (uid: string, error: unknown) => void,
    log: Logger,
    after = 0,
  ) {
    this.#socket = socket;
    this.#uid = uid;
    this.#inbox = inbox;
    this.#onUndecodable = onUndecodable;
    this.#log = log;
    this.#after = after;
  }

  /** What the client has been given, acknowledged or not. */
  get after(): number {
    return this.#after;
  }

  /** Gives no more: whoever goes on with the session has been told what was given. */
  stop(): void {
    this.#stopped = true;
  }

  /** Up to where the client has acknowledged all. */
  get acknowledged(): number {
    return Math.min(this.#after, ...[...this.#underWay].map((seq) => seq - 1));
  }

  /** Something may wait. Resolves when it has been looked at. */
  wake(): Promise<void> {
    this.#woken = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    // Not before the assignment of the promise, which must be taken back at the end.
    await undefined;
    try {
      while (this.#woken && this.#underWay.size < windowSize && this.#socket.connected && !this.#stopped) {
        this.#woken = false;
        const waiting = await this.#inbox.pending(this.#uid, this.#after, windowSize - this.#underWay.size);
        if (this.#stopped) break;
        for (const { seq, id, at, payload } of waiting) {
          this.#after = seq;
          this.#woken = true;
          const said = this.#decode(payload);
          if (said !== undefined) this.#give(seq, { id, event: said.event, message: said.message, at });
        }
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'an inbox cannot be read; it is tried again with the next message or connection');
    } finally {
      this.#running = undefined;
    }
  }

  /** One that cannot be decoded must not keep back those after it. It stays until it expires: another version may read it. */
  #decode(payload: Buffer): Publication | undefined {
    try {
      return decodePublication(payload);
    } catch (error) {
      this.#onUndecodable(this.#uid, error);
      return undefined;
    }
  }

  #give(seq: number, message: InboxMessage): void {
    this.#underWay.add(seq);
    const onAnswer = (error: Error | null, id?: unknown): void => {
      this.#underWay.delete(seq);
      // An ack that names another message was meant for an earlier connection, whose acks had the same numbers.
      if (error === null && (typeof id !== 'string' || id === message.id)) this.#acknowledge(seq, message.id);
      // Given again from there on, to a client that is still there.
      else this.#after = Math.min(this.#after, seq - 1);
      void this.wake();
    };
    this.#socket.timeout(ackMs).emit(events.inbox, message, emittedAgain(onAnswer));
  }

  #acknowledge(seq: number, id: string): void {
    this.#inbox.ack(this.#uid, [id]).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'an acknowledged message could not be taken out of its inbox; it is given again');
      this.#after = Math.min(this.#after, seq - 1);
    });
  }
}
