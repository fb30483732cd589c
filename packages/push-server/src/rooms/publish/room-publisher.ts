import { type Config, failed, type Position, type Published, type Result, success } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Appended, HistoryStore } from '@gopush/store';
import { asBuffer, type RoomMessage } from '../bus/bus-message.ts';
import type { RoomBus } from '../bus/room-bus.ts';
import { decodePublication, encodePublication, type Publication } from '../codec/publication.ts';
import type { RoomDelivery } from '../delivery/room-delivery.ts';
import type { RoomStreams } from '../stream/room-streams.ts';
import { chooseKeep } from '../when-store-is-down/choose-keep.ts';
import { isUncertain, respondNotDurable } from '../when-store-is-down/respond-not-durable.ts';
import type { RoomOptions } from './push.ts';
import type { PushCounts } from './push-counts.ts';

/** Publishes to a room by its full name. Failures: `not_durable`. */
export type Publish = (
  room: string,
  event: string,
  message: unknown,
  options: RoomOptions,
) => Promise<Result<Published>>;

/** Finds the nodes that are to get a message; `undefined`: those that follow its room. */
export type FindNodes = () => Promise<readonly string[] | undefined>;

/** What publishing to rooms needs. */
export interface RoomPublisherOptions {
  readonly history: HistoryStore;
  /** Whether the store can be reached, as far as is known. */
  readonly isStoreUp: () => boolean;
  /** Whether the bus reaches the other nodes. */
  readonly isJoined: () => boolean;
  readonly limits: Config['pushServer']['history'];
  readonly streams: RoomStreams;
  readonly delivery: RoomDelivery;
  readonly bus: RoomBus;
  readonly counts: PushCounts;
  /** Told, on the node that publishes, of every message to a room or user. @param position - `null`: it was not kept */
  readonly onPublished?: (room: string, publication: Publication, position: Position | null) => void;
  readonly log: Logger;
}

/** A message that is being published. */
interface Outgoing {
  readonly room: string;
  readonly publication: Publication;
  readonly payload: Buffer;
  readonly findNodes: FindNodes | undefined;
}

/** Publishes messages to rooms: keeps them, delivers them to this node's members, and sends them to the other nodes. */
export class RoomPublisher {
  readonly #options: RoomPublisherOptions;

  constructor(options: RoomPublisherOptions) {
    this.#options = options;
  }

  /** As {@link Publish}. */
  publish(room: string, event: string, message: unknown, how: RoomOptions): Promise<Result<Published>> {
    return this.send(room, { event, message, except: how.except, sender: how.sender, id: how.id }, how, undefined);
  }

  /** Publishes to a room, and sends the message to the nodes that are found. Does not reject. */
  async send(
    room: string,
    publication: Publication,
    how: RoomOptions,
    findNodes: FindNodes | undefined,
  ): Promise<Result<Published>> {
    this.#options.counts.published++;
    const encoded = encodePublication(publication);
    if (!encoded.ok) return encoded;
    // A handler that does not look at the promise must not end the process by it.
    return this.#send({ room, publication, payload: encoded.value, findNodes }, how).catch((cause: unknown) => {
      this.#options.log.error({ room, err: cause }, 'a message could not be published');
      return failed('internal', undefined, cause);
    });
  }

  /** Takes a message that another node published. */
  receive(message: RoomMessage): void {
    const { streams, delivery } = this.#options;
    switch (message[0]) {
      case 'kept': {
        const [, room, epoch, offset, at, payload] = message;
        streams.receive(room, epoch, { offset, at, payload: asBuffer(payload) });
        return;
      }
      case 'live':
        delivery.deliverUnkept(message[1], decodePublication(asBuffer(message[2])), message[3]);
        return;
      case 'known':
        streams.heardOf(message[1], message[2]);
    }
  }

  async #send(outgoing: Outgoing, { keep = 'try', volatile = false }: RoomOptions): Promise<Result<Published>> {
    const { limits, isStoreUp, counts } = this.#options;
    switch (chooseKeep(keep, limits.count > 0, isStoreUp())) {
      case 'refuse':
        return failed('not_durable', 'rooms have no history: pushServer.history.count is 0');
      case 'keep': {
        const kept = await this.#keep(outgoing);
        if (kept.ok) return this.#sendKept(outgoing, kept.value);
        // If it was kept after all, members get it from the history: sending it now as well would send it twice.
        if (keep === 'must' || isUncertain(kept.failure.cause)) return kept;
        break;
      }
      case 'miss':
        counts.notKept++;
    }
    return this.#sendUnkept(outgoing, volatile);
  }

  async #keep({ room, payload, publication }: Outgoing): Promise<Result<Appended>> {
    const { history, limits, counts, log } = this.#options;
    try {
      const appended = await history.append(room, payload, limits, publication.id);
      if (!appended.duplicate) counts.kept++;
      return success(appended);
    } catch (error) {
      counts.notKept++;
      log.debug({ room, err: error }, 'a message was not stored');
      return respondNotDurable(error);
    }
  }

  async #sendKept(outgoing: Outgoing, appended: Appended): Promise<Result<Published>> {
    const { streams, delivery, bus, onPublished } = this.#options;
    const { room, publication, payload } = outgoing;
    const { epoch, offset, duplicate } = appended;
    const position = { epoch, offset };
    if (duplicate) {
      // The earlier attempt may not have learned that the message was kept, and so sent it to no client.
      streams.heardOf(room, position);
      await bus.tellRoom(room, ['known', room, position], await nodesOf(outgoing));
      return success({ position, duplicate });
    }
    const { id } = publication;
    const isRepeated = delivery.wasDelivered(room, id);
    const at = Date.now();
    streams.receive(room, epoch, { offset, at, payload });
    // If the room has members here, delivering to them adds the key.
    if (id !== undefined && !streams.has(room)) delivery.deliveredKeys.add(room, id);
    const told = bus.tellRoom(room, ['kept', room, epoch, offset, at, payload], await nodesOf(outgoing));
    if (!isRepeated) onPublished?.(room, publication, position);
    // If this process died in between, nobody would give members elsewhere what the publisher believes to be sent.
    await told;
    return success({ position, duplicate: isRepeated });
  }

  async #sendUnkept(
    { room, publication, payload, findNodes }: Outgoing,
    volatile: boolean,
  ): Promise<Result<Published>> {
    const { delivery, bus, isJoined, onPublished } = this.#options;
    const isRepeated = delivery.wasDelivered(room, publication.id);
    // Members of this node that have it do not get it again.
    delivery.deliverUnkept(room, publication, volatile);
    // Sent again as well: the earlier attempt may not have reached all nodes. Those that it did reach drop it.
    void bus.tellRoom(room, ['live', room, payload, volatile], await findNodes?.());
    if (!isRepeated) onPublished?.(room, publication, null);
    return success({ position: null, duplicate: isRepeated, ...(isJoined() ? {} : partial) });
  }
}

/** The message is kept already: if the nodes cannot be found, all that follow the room get it. */
async function nodesOf({ findNodes }: Outgoing): Promise<readonly string[] | undefined> {
  try {
    return await findNodes?.();
  } catch {
    return undefined;
  }
}

/** Added to a result if not all nodes could be reached. */
export const partial = { partial: true } as const;
