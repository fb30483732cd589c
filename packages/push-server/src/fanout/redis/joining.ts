import type { Logger } from '@gopush/service';
import { followProblems, type RedisClient, type ServerWatch } from '@gopush/store';

/** How long a start waits for Redis, in milliseconds; then it continues without. */
const joinMs = 2_000;

/** Between two checks whether other push-servers are reached, in milliseconds. */
const lookMs = 500;

/** Options of {@link Joining}. */
export interface JoiningOptions {
  /** All connections to Redis. */
  readonly clients: readonly RedisClient[];
  readonly watch: ServerWatch | undefined;
  /** Why other push-servers are not reached although there are connections; `undefined`: they are. */
  readonly problemOfBus: () => string | undefined;
  readonly log: Logger;
}

/** Knows whether this push-server is connected with the others by Redis. Each change is logged once. */
export class Joining {
  readonly #options: JoiningOptions;
  readonly #problems: readonly (() => string | undefined)[];
  readonly #timer: NodeJS.Timeout;
  #state: 'up' | 'down' | 'starting' = 'starting';
  #onUp: (() => void) | undefined;

  constructor(options: JoiningOptions) {
    this.#options = options;
    this.#problems = options.clients.map(followProblems);
    const look = (): void => this.#look();
    // Without a listener an error would end the process.
    for (const client of options.clients) client.on('ready', look).on('close', look).on('error', look);
    this.#timer = setInterval(look, lookMs).unref();
  }

  /** Why it is not connected; `undefined`: it is. */
  problem(): string | undefined {
    this.#look();
    const found = this.#find();
    return this.#state === 'starting' ? (found ?? 'not yet') : found;
  }

  /** The same without a reason, as of a moment ago. */
  isJoined(): boolean {
    return this.#state !== 'down';
  }

  /** @returns whether there are connections, after a short wait for them */
  async connected(): Promise<boolean> {
    if (this.#state !== 'up') {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, joinMs);
        this.#onUp = () => {
          clearTimeout(deadline);
          resolve();
        };
      });
      this.#onUp = undefined;
    }
    return this.#isUp();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #isUp(): boolean {
    return this.#state === 'up';
  }

  #why(): string | undefined {
    return this.#problems.map((why) => why()).find((why) => why !== undefined);
  }

  #find(): string | undefined {
    const { clients, watch, problemOfBus } = this.#options;
    if (!clients.every((client) => client.status === 'ready')) return this.#why() ?? 'there is no connection to Redis';
    if (watch?.isAtReplica() === true) {
      return 'the address of Redis leads to a replica, and messages published there reach no other push-server; it must lead to the master';
    }
    return problemOfBus();
  }

  #look(): void {
    const { log } = this.#options;
    const problem = this.#find();
    const now = problem === undefined ? 'up' : 'down';
    const before = this.#state;
    // At the start, a problem counts when its reason is known.
    if (now === before || (now === 'down' && before === 'starting' && this.#why() === undefined)) return;
    this.#state = now;
    if (now === 'down') {
      log.error(
        { problem },
        'Redis cannot be reached, or does not reach the other push-servers: until it does, rooms reach only the clients of this push-server',
      );
      return;
    }
    if (before === 'down') log.info('Redis is back: push-servers are connected again');
    this.#onUp?.();
  }
}
