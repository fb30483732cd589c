import { events, type InboxMessage } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { emittedAgain, SmallSet } from '@gopush/slim-socket-io';
import type { InboxStore } from '@gopush/store';
import type { Socket } from 'socket.io';
import { decodePublication, type Publication } from '../rooms/codec/publication.ts';

/** Most messages that are sent to one client and not acknowledged. */
const windowSize = 32;

/** How long a client has to acknowledge a message before it is sent again, in milliseconds. */
const ackMs = 30_000;

/** Context that the inboxes of all sessions of this node share. */
export interface InboxContext {
  readonly store: InboxStore;
  /** Called for each message that cannot be decoded. */
  readonly onUndecodable: (user: string, error: unknown) => void;
  readonly log: Logger;
}

/**
 * Sends one client the messages that wait in its user's inbox, in order, at least once. Each device gets a message until one of them acknowledges
 * it.
 */
export class InboxPump {
  readonly #socket: Socket;
  readonly #user: string;
  readonly #context: InboxContext;
  /** Number of the last message that was sent. */
  #after: number;
  /** Messages that were sent and are not acknowledged; made with the first, as most clients get none. */
  #unacknowledged: SmallSet<number> | undefined = undefined;
  #woken = false;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param after - number of the last message that the client got in an earlier part of its session */
  constructor(socket: Socket, user: string, context: InboxContext, after = 0) {
    this.#socket = socket;
    this.#user = user;
    this.#context = context;
    this.#after = after;
  }

  /** Number of the last message that was sent to the client, acknowledged or not. */
  get after(): number {
    return this.#after;
  }

  /** Sends no more messages: the node that has the session now knows which were sent. */
  stop(): void {
    this.#stopped = true;
  }

  /** Number of the last message up to which the client has acknowledged all. */
  get acknowledged(): number {
    return Math.min(this.#after, ...[...(this.#unacknowledged ?? [])].map((seq) => seq - 1));
  }

  /** Looks into the inbox. Resolves when that is done. */
  wake(): Promise<void> {
    this.#woken = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  /** How many more messages may be sent now. */
  get #room(): number {
    return windowSize - (this.#unacknowledged?.size ?? 0);
  }

  async #run(): Promise<void> {
    // Lets `wake` store the promise first, which the end of this function removes.
    await undefined;
    try {
      while (this.#woken && this.#room > 0 && this.#socket.connected && !this.#stopped) {
        this.#woken = false;
        const waiting = await this.#context.store.pending(this.#user, this.#after, this.#room);
        if (this.#stopped) break;
        for (const { seq, id, at, payload } of waiting) {
          this.#after = seq;
          this.#woken = true;
          const said = this.#decode(payload);
          if (said !== undefined) this.#send(seq, { id, event: said.event, message: said.message, at });
        }
      }
    } catch (error) {
      this.#context.log.warn(
        { err: error },
        'an inbox cannot be read: it is read again with the next message or connection',
      );
    } finally {
      this.#running = undefined;
    }
  }

  /** A message that cannot be decoded must not hold back those after it. It stays until it expires: another version may read it. */
  #decode(payload: Buffer): Publication | undefined {
    try {
      return decodePublication(payload);
    } catch (error) {
      this.#context.onUndecodable(this.#user, error);
      return undefined;
    }
  }

  #send(seq: number, message: InboxMessage): void {
    this.#unacknowledged ??= new SmallSet();
    const unacknowledged = this.#unacknowledged;
    unacknowledged.add(seq);
    const onAck = (error: Error | null, id?: unknown): void => {
      unacknowledged.delete(seq);
      // An ack that names another message was meant for an earlier connection, whose acks had the same numbers.
      if (error === null && (typeof id !== 'string' || id === message.id)) this.#acknowledge(seq, message.id);
      // Sent again from this message on, if the client is still connected.
      else this.#after = Math.min(this.#after, seq - 1);
      void this.wake();
    };
    this.#socket.timeout(ackMs).emit(events.inbox, message, emittedAgain(onAck));
  }

  #acknowledge(seq: number, id: string): void {
    this.#context.store.ack(this.#user, [id]).catch((error: unknown) => {
      this.#context.log.warn(
        { err: error },
        'an acknowledged message could not be removed from its inbox: it is sent again',
      );
      this.#after = Math.min(this.#after, seq - 1);
    });
  }
}
