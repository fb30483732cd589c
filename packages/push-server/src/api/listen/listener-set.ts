import { scopeIn } from '../../rooms/names/product-scope.ts';
import { roomOfClients } from '../../rooms/names/room-names.ts';
import type { Listener } from './listener.ts';
import type { EndCode, EndReason, SinkKind } from './sink.ts';

/** How many listeners are on this node, and why others have ended. */
export interface ListenerCounts {
  open(): Readonly<Record<SinkKind, number>>;
  readonly ended: ReadonlyMap<EndCode, number>;
}

/** The listeners of this node. */
export class ListenerSet implements Iterable<Listener>, ListenerCounts {
  readonly ended = new Map<EndCode, number>();
  readonly #all = new Set<Listener>();
  /** Those with an identity by their user: the uid, after the scope of its product. */
  readonly #byUser = new Map<string, Set<Listener>>();
  #onEmpty = (): void => {};

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): SetIterator<Listener> {
    return this.#all.values();
  }

  add(listener: Listener): void {
    const { user } = listener.listening;
    this.#all.add(listener);
    if (user !== undefined) this.#byUser.set(user, (this.#byUser.get(user) ?? new Set()).add(listener));
  }

  /** A listener has ended. */
  delete(listener: Listener): void {
    const { user } = listener.listening;
    this.#all.delete(listener);
    const ofUser = user === undefined ? undefined : this.#byUser.get(user);
    if (user !== undefined && ofUser?.delete(listener) && ofUser.size === 0) this.#byUser.delete(user);
    this.ended.set(listener.endCode, (this.ended.get(listener.endCode) ?? 0) + 1);
    if (this.#all.size === 0) this.#onEmpty();
  }

  open(): Record<SinkKind, number> {
    const open = { sse: 0, websocket: 0 };
    for (const { kind } of this.#all) open[kind]++;
    return open;
  }

  /**
   * Ends the listeners with the identity of a user: all, or those of a room, which have to ask again whether they may hear it.
   *
   * @param user - the uid, after the scope of its product
   */
  endUser(user: string, room?: string): void {
    for (const listener of this.#byUser.get(user) ?? []) {
      const { rooms } = listener.listening;
      if (room === undefined || rooms.includes(roomOfClients(room, scopeIn(user)))) listener.end('disconnected');
    }
  }

  /** Ends all. Resolves when they have ended; those that have not after some time are cut. */
  async endAll(reason: EndReason, cutAfterMs: number): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const listener of this.#all) listener.end(reason);
    const cut = setTimeout(() => {
      for (const listener of this.#all) listener.cut();
    }, cutAfterMs);
    if (this.#all.size > 0) await empty;
    clearTimeout(cut);
  }
}
