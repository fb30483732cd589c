import type { Position } from '@gopush/contract';
import type { KeptMessage } from '../codec/publication.ts';
import { plainId } from '../idempotency/idempotency-key.ts';

/** Something that was said, as those hear it who are no clients of Socket.IO. */
export interface Said {
  readonly event: string;
  readonly message: unknown;
  /** Uid of the client that published it; `undefined`: a program did, or senders are not recorded. */
  readonly sender?: string | undefined;
  /** The id that its publisher gave it. */
  readonly messageId?: string | undefined;
  /** `null`: it was not kept. */
  readonly position: Position | null;
}

/** A message as those are told of it. */
export function saidOf({ event, message, sender, id }: KeptMessage, position: Position | null): Said {
  return {
    event,
    message,
    ...(sender === undefined ? {} : { sender }),
    ...(id === undefined ? {} : { messageId: plainId(id) }),
    position,
  };
}

/** Hears rooms without being a client of Socket.IO. */
export interface Ear {
  /** @param said - the same object for all who hear it, so that work on it can be shared */
  hear(room: string, said: Said): void;
  gap(room: string, position: Position): void;
  /** It stands at a place now whose message it has had. */
  pass(room: string, position: Position): void;
  /** Its name as a member of rooms. */
  readonly member: string;
}

/** Who on this node hears which rooms besides the clients of Socket.IO. A room that nobody hears so costs one look. */
export interface Taps {
  add(room: string, ear: Ear): void;
  remove(room: string, ear: Ear): void;
  /** Those who hear a room; most often nobody. */
  of(room: string): Iterable<Ear>;
}

/** Opens the list of those who hear. */
export function createTaps(): Taps {
  const ears = new Map<string, Set<Ear>>();
  return {
    add(room, ear) {
      const set = ears.get(room);
      if (set === undefined) ears.set(room, new Set([ear]));
      else set.add(ear);
    },
    remove(room, ear) {
      const set = ears.get(room);
      if (set?.delete(ear) && set.size === 0) ears.delete(room);
    },
    of: (room) => ears.get(room) ?? nobody,
  };
}

const nobody: readonly Ear[] = [];
