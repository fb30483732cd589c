import type { Client } from '../client.ts';
import type { Room } from '../room.ts';

/** How many components use a room, by client and name. */
const users = new WeakMap<object, Map<string, number>>();

/** A room that a component uses. */
export interface EnteredRoom<Events extends object> {
  readonly room: Room<Events>;
  /** The component uses it no longer: the last one leaves the room. */
  release(): void;
}

/** Enters a room for a component. Several components may use the same room. */
export function enterRoom<Events extends object>(client: Client<Events>, name: string): EnteredRoom<Events> {
  const counts = users.get(client) ?? new Map<string, number>();
  users.set(client, counts);
  const add = (count: number): void => void counts.set(name, (counts.get(name) ?? 0) + count);
  const room = client.join(name);
  add(1);
  return {
    room,
    release() {
      add(-1);
      // In strict mode React unmounts a component and mounts it again at once: such a room is not left.
      queueMicrotask(() => {
        if (counts.get(name) !== 0) return;
        counts.delete(name);
        room.leave().catch(() => {});
      });
    },
  };
}
