import type { Server as HttpServer } from 'node:http';
import type { NodeFacts, RoomFacts } from '@gopush/cluster';
import type { Check, EventLoopDelay } from '@gopush/service';
import { nameOf } from '../rooms/names/room-names.ts';
import type { ServerView } from './server-view.ts';

/** Share of the time that counting rooms may take: it goes through all of them. */
const countingShare = 0.005;

/** How many of the largest rooms are told of. */
const mostRooms = 32;

/** A room, by its full name, and its connections here. */
interface CountedRoom {
  readonly name: string;
  readonly members: number;
}

/** What was counted by going through all clients and rooms. */
interface Counted {
  readonly rooms: number;
  readonly users: number;
  readonly queuedBytes: number;
  readonly largest: readonly CountedRoom[];
}

/** What a push-server tells other nodes of itself. */
export class ServerFacts {
  readonly #view: ServerView;
  readonly #http: HttpServer;
  readonly #eventLoop: EventLoopDelay;
  readonly #adminUrl: string | undefined;
  #counted: Counted = { rooms: 0, users: 0, queuedBytes: 0, largest: [] };
  /** Until when the last counts are good enough, as `performance.now()` tells. */
  #countAgainAt = Number.NEGATIVE_INFINITY;

  constructor(view: ServerView, http: HttpServer, eventLoop: EventLoopDelay, adminUrl: string | undefined) {
    this.#view = view;
    this.#http = http;
    this.#eventLoop = eventLoop;
    this.#adminUrl = adminUrl;
  }

  /** @param checks - of readiness */
  describe(isStopping: boolean, checks: Readonly<Record<string, Check>>): NodeFacts {
    const { io, handOffs, counts, limits, migration, announcement } = this.#view;
    const { rooms, users, queuedBytes, largest } = this.#count();
    const { given, taken, failed } = migration;
    const fallbacks = Object.entries(failed);
    return {
      ...this.#state(isStopping, checks),
      address: announcement.address(),
      adminUrl: this.#adminUrl,
      loopDelayMs: this.#eventLoop.lastMs(),
      clients: {
        connections: io.engine.clientsCount,
        handedOff: handOffs?.size ?? 0,
        ownedAlone: handOffs?.alone ?? 0,
        held: 0,
        rooms,
        users,
        queuedBytes,
      },
      totals: {
        messages: counts.published,
        deliveries: limits.deliveries(),
        requests: 0,
        handedOff: handOffs?.messages() ?? 0,
        notKept: counts.notKept,
        gaps: counts.gaps,
      },
      migrations: {
        ...{ given, taken, migrated: 0, failedOver: 0 },
        fellBack: fallbacks.reduce((sum, [, count]) => sum + count, 0),
      },
      fallbacks,
      refusals: [...limits.tally.refused, ...limits.tally.closed],
      targets: [],
      rooms: largest.map((room) => this.#describeRoom(room)),
    };
  }

  #state(isStopping: boolean, checks: Readonly<Record<string, Check>>): Pick<NodeFacts, 'state' | 'why'> {
    if (isStopping || this.#view.announcement.isDraining()) return { state: 'draining' };
    if (!this.#http.listening) return { state: 'starting' };
    for (const [name, check] of Object.entries(checks)) {
      const result = check();
      if (result !== true) return { state: 'impaired', why: `${name}: ${result}` };
    }
    return { state: 'ready' };
  }

  /** A room by the name that clients of its product know. */
  #describeRoom({ name, members }: CountedRoom): RoomFacts {
    const named = nameOf(name);
    const room = 'room' in named ? named.room : '';
    return {
      room: named.product === undefined ? room : `${named.product}/${room}`,
      members,
      published: this.#view.streams.position(name)?.offset,
    };
  }

  #count(): Counted {
    const startedAt = performance.now();
    if (startedAt < this.#countAgainAt) return this.#counted;
    this.#counted = countAll(this.#view);
    const now = performance.now();
    this.#countAgainAt = now + (now - startedAt) / countingShare;
    return this.#counted;
  }
}

function countAll({ io, limits }: ServerView): Counted {
  let rooms = 0;
  let users = 0;
  const largest: CountedRoom[] = [];
  let least = 0;
  for (const [name, { size: members }] of io.of('/').adapter.rooms) {
    if (name.startsWith('u:')) users++;
    if (!name.startsWith('r:')) continue;
    rooms++;
    if (members <= least) continue;
    largest.push({ name, members });
    if (largest.length >= 2 * mostRooms) least = keepLargest(largest);
  }
  keepLargest(largest);
  return { rooms, users, queuedBytes: limits.queuedBytes(), largest };
}

/** @returns how large a room has to be to be among them */
function keepLargest(rooms: { readonly members: number }[]): number {
  rooms.sort((a, b) => b.members - a.members);
  rooms.splice(mostRooms);
  return rooms.length < mostRooms ? 0 : (rooms.at(-1)?.members ?? 0);
}
