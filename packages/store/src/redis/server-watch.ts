import type { Cluster, Redis } from 'ioredis';
import { mustLeave, parseInfo, type ReachedServer, readInfo, readRole } from './reached-server.ts';

/** Time between two checks of where the address leads, in milliseconds. */
const lookMs = 3_000;

/** Time between two checks while a failover is suspected, in milliseconds. */
const suspectMs = 500;

/** How long one check may take, in milliseconds. */
const lookTimeoutMs = 2_000;

/** Least time between two moves of a connection for the same reason, in milliseconds: an address may lead to several servers. */
const leaveMs = 2_000;
const longestLeaveMs = 600_000;

/** A connection and its server. */
interface Watched {
  reached: ReachedServer;
}

/** The part of ioredis that receives the `INFO` of a server before a connection is used. */
interface Connector {
  check(info: unknown): boolean;
}

/**
 * Keeps all connections to one address at the server that the address leads to. After a failover behind a name, a proxy or sentinels, open
 * connections may lead to a former master that is a replica now, or that no other process uses: a `PUBLISH` there succeeds and reaches no subscriber.
 *
 * Every few seconds a new connection finds out where the address leads. If that is another server, and a master, all connections move there.
 */
export class ServerWatch {
  readonly #connect: () => Redis;
  readonly #clients = new Map<Redis, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #lookAt = Number.POSITIVE_INFINITY;
  #looking = false;
  /** The server that the last check found instead of ours. */
  #foundBefore: string | undefined;
  #leftAt = Number.NEGATIVE_INFINITY;
  #leaveMs = leaveMs;
  /** Number of moves of connections to another server. */
  moves = 0;

  /** @param connect - creates a connection that is not watched and connects on demand */
  constructor(connect: () => Redis) {
    this.#connect = connect;
  }

  /** Watches a connection until it ends. */
  add(client: Redis | Cluster): void {
    if (!isSingle(client)) return;
    const watched: Watched = { reached: {} };
    this.#clients.set(client, watched);
    const { connector } = client as unknown as { readonly connector: Connector };
    const check = connector.check.bind(connector);
    connector.check = (info) => {
      watched.reached = readInfo(info as Record<string, string>);
      if (watched.reached.role === 'replica') this.suspect();
      return check(info);
    };
    client.once('end', () => {
      this.#clients.delete(client);
      if (this.#clients.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    });
    if (this.#timer === undefined) this.#schedule(lookMs);
  }

  /** Whether the server of a connection is known to be a replica. */
  isAtReplica(): boolean {
    for (const { reached } of this.#clients.values()) if (reached.role === 'replica') return true;
    return false;
  }

  /** Notes that the server of a connection refused a write because it is a replica. */
  foundReplica(client: unknown): void {
    const own = this.#clients.get(client as Redis);
    if (own === undefined) return;
    this.#setRole(own.reached.id, 'replica');
    this.suspect();
  }

  /** Checks soon, since something is wrong with a connection. */
  suspect(): void {
    // Repeated calls must not postpone the check.
    if (this.#looking || this.#clients.size === 0 || this.#lookAt <= performance.now() + suspectMs) return;
    this.#schedule(suspectMs);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    // Processes that start together do not check together.
    const spread = ms * (0.6 + 0.4 * Math.random());
    this.#lookAt = performance.now() + spread;
    this.#timer = setTimeout(() => void this.#look(), spread).unref();
  }

  async #look(): Promise<void> {
    this.#looking = true;
    const found = await this.#ask().catch(() => undefined);
    this.#looking = false;
    if (this.#clients.size === 0) return;
    const isSuspicious = found !== undefined && this.#follow(found);
    this.#schedule(isSuspicious || this.isAtReplica() ? suspectMs : lookMs);
  }

  /** @returns whether to check again soon */
  #follow(found: ReachedServer): boolean {
    if (found.role !== undefined) this.#setRole(found.id, found.role);
    const leaving = [...this.#clients].filter(
      ([client, { reached }]) => client.status === 'ready' && mustLeave(reached, found),
    );
    const before = this.#foundBefore;
    this.#foundBefore = leaving.length === 0 ? undefined : found.id;
    if (leaving.length === 0) {
      if (performance.now() - this.#leftAt > 2 * this.#leaveMs) this.#leaveMs = leaveMs;
      return false;
    }
    // Two checks have to find the same server, or an address of several servers would move connections all the time; unless ours is wrong anyway.
    if (found.id !== before && !this.isAtReplica()) return true;
    if (performance.now() - this.#leftAt < this.#leaveMs) return this.isAtReplica();
    const isAgain = performance.now() - this.#leftAt < 60_000 && !this.isAtReplica();
    this.#leaveMs = isAgain ? Math.min(2 * this.#leaveMs, longestLeaveMs) : leaveMs;
    this.#leftAt = performance.now();
    this.moves++;
    for (const [client, watched] of leaving) {
      watched.reached = {};
      client.disconnect(true);
    }
    return true;
  }

  /** Notes a fact about a server for all connections to it. Without identities, all connections count as being at the same server. */
  #setRole(id: string | undefined, role: 'master' | 'replica'): void {
    for (const watched of this.#clients.values()) {
      if (watched.reached.id === id) watched.reached = { ...watched.reached, role };
    }
  }

  /** Finds the server that the address leads to now. */
  async #ask(): Promise<ReachedServer> {
    const client = this.#connect();
    client.on('error', () => {});
    const deadline = setTimeout(() => client.disconnect(), lookTimeoutMs);
    try {
      await client.connect();
      const info = await client.info().catch(() => undefined);
      if (info !== undefined) return readInfo(parseInfo(info));
      const [role] = (await client.role().catch(() => [])) as unknown[];
      return readRole(role);
    } finally {
      clearTimeout(deadline);
      client.disconnect();
    }
  }
}

function isSingle(client: Redis | Cluster): client is Redis {
  return !client.isCluster;
}
