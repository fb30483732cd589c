import type { Position, Result } from '@gopush/contract';
import type { HistoryStore, InboxStore } from '@gopush/store';
import { decodePublication, type Publication } from '../codec/publication.ts';
import { askStore } from '../when-store-is-down/respond-not-durable.ts';

/** A part of a room's history. */
export interface History {
  readonly position: Position | null;
  /** Oldest offset in the history. */
  readonly first: number;
  readonly messages: readonly {
    readonly offset: number;
    /** When it was published, in milliseconds since 1970. */
    readonly at: number;
    readonly event: string;
    readonly message: unknown;
    /** Uid of the client that published it, if recorded (pushServer.senders). */
    readonly sender?: string;
  }[];
}

/** A message that waits in the inbox of a user. */
export interface PendingMessage {
  readonly id: string;
  readonly event: string;
  readonly message: unknown;
  /** When it was published, in milliseconds since 1970. */
  readonly at: number;
}

/** Reads messages that are kept, for programs. One that cannot be decoded is left out. */
export class StoredPublications {
  readonly #history: HistoryStore;
  readonly #inbox: InboxStore;
  readonly #onUndecodable: (of: string, error: unknown) => void;

  constructor(history: HistoryStore, inbox: InboxStore, onUndecodable: (of: string, error: unknown) => void) {
    this.#history = history;
    this.#inbox = inbox;
    this.#onUndecodable = onUndecodable;
  }

  /** Reads the history of a room by its full name, after an offset. */
  history(room: string, after: number, limit: number): Promise<Result<History>> {
    return askStore(async () => {
      const { epoch, first, last, messages } = await this.#history.read(room, after, limit);
      return {
        position: epoch === undefined ? null : { epoch, offset: last },
        first,
        messages: messages.flatMap(({ offset, at, payload }) => {
          const publication = this.#decode(room, payload);
          if (publication === undefined) return [];
          const { event, message, sender } = publication;
          return [{ offset, at, event, message, ...(sender === undefined ? {} : { sender }) }];
        }),
      };
    });
  }

  /** Reads what waits for a user, who is named by the uid after the scope of the product. */
  pending(user: string, limit: number): Promise<Result<readonly PendingMessage[]>> {
    return askStore(async () => {
      const waiting = await this.#inbox.pending(user, 0, limit);
      return waiting.flatMap(({ id, at, payload }) => {
        const publication = this.#decode(user, payload);
        return publication === undefined ? [] : [{ id, event: publication.event, message: publication.message, at }];
      });
    });
  }

  #decode(of: string, payload: Buffer): Publication | undefined {
    try {
      return decodePublication(payload);
    } catch (error) {
      this.#onUndecodable(of, error);
      return undefined;
    }
  }
}
