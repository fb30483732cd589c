import { randomUUID } from 'node:crypto';
import { type Config, type Result, success } from '@gopush/contract';
import type { InboxStore, PresenceStore, UserPresence } from '@gopush/store';
import type { RoomBus } from '../bus/room-bus.ts';
import { encodePublication, type Publication } from '../codec/publication.ts';
import type { Clients } from '../delivery/clients.ts';
import { roomOfUser } from '../names/room-names.ts';
import { askStore } from '../when-store-is-down/respond-not-durable.ts';
import type { UserDelivery, UserOptions } from './push.ts';
import { partial, type RoomPublisher } from './room-publisher.ts';

/** What publishing to users needs. */
export interface UserPublisherOptions {
  readonly inbox: InboxStore;
  readonly presence: PresenceStore;
  /** Whether presence can be written, as far as is known: what is read may be old otherwise. */
  readonly isPresenceFresh: () => boolean;
  /** `pushServer.inbox`. */
  readonly limits: Config['pushServer']['inbox'];
  readonly rooms: RoomPublisher;
  readonly clients: Clients;
  readonly bus: RoomBus;
}

/** Publishes messages to users, who are named by their uids after the scope of their product. */
export class UserPublisher {
  readonly #options: UserPublisherOptions;

  constructor(options: UserPublisherOptions) {
    this.#options = options;
  }

  /** Publishes to the devices of a user, or to the user's inbox. */
  publish(user: string, event: string, message: unknown, how: UserOptions): Promise<Result<UserDelivery>> {
    const publication = { event, message, except: undefined, sender: undefined };
    return how.deliver === 'store' ? this.#store(user, publication, how) : this.#send(user, publication, how);
  }

  async #store(user: string, publication: Publication, how: UserOptions): Promise<Result<UserDelivery>> {
    const { inbox, limits, bus } = this.#options;
    const { id = randomUUID(), ttlMs = limits.ttlMs } = how;
    const encoded = encodePublication(publication);
    if (!encoded.ok) return encoded;
    const put = await askStore(() => inbox.put(user, { id, payload: encoded.value, ttlMs }, limits));
    if (!put.ok) return put;
    // It waits now, whatever becomes of this.
    const found = await this.#find(user);
    // The earlier attempt may not have learned that the message was stored, and so sent it to no client. 0: it was acknowledged already.
    if (put.value.seq > 0) await bus.tellInbox(user, found?.nodes);
    const state = put.value.state === 'duplicate' ? 'duplicate' : 'waiting';
    return success({ id, state, devices: found?.devices ?? 0 });
  }

  async #send(user: string, publication: Publication, how: UserOptions): Promise<Result<UserDelivery>> {
    const { rooms, clients } = this.#options;
    const { id = randomUUID(), keep } = how;
    const room = roomOfUser(user);
    let devices = 0;
    // After the message is kept: a device that comes in between finds it in the history.
    const findNodes = async (): Promise<readonly string[] | undefined> => {
      const found = await this.#find(user);
      devices = found?.devices ?? clients.count(room);
      return found?.nodes;
    };
    const published = await rooms.send(
      room,
      { ...publication, id: how.id },
      keep === undefined ? {} : { keep },
      findNodes,
    );
    if (!published.ok) return published;
    if (published.value.duplicate) {
      await findNodes();
      return success({ id, state: 'duplicate', devices, ...(published.value.partial && partial) });
    }
    const state = devices > 0 ? 'sent' : 'offline';
    return success({ id, state, devices, ...(published.value.partial && partial) });
  }

  /**
   * Where a user is; `undefined` while the store is down. An embedded one that is locked can be read, but does not say which sessions failed over
   * meanwhile.
   */
  async #find(user: string): Promise<UserPresence | undefined> {
    const { presence, isPresenceFresh } = this.#options;
    return isPresenceFresh() ? presence.user(user).catch(() => undefined) : undefined;
  }
}
