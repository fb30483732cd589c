import type { Redis } from 'ioredis';
import { StoreError } from '../store-error.ts';
import type { Connection } from './connection.ts';
import { parseInfo } from './reached-server.ts';

/** Time between two checks, in milliseconds: while there is space, and while there is little. */
const lookMs = { usual: 2_000, pressed: 500 };

/** How long one check may take, in milliseconds. */
const lookTimeoutMs = 1_500;

/** Old messages are removed from this share of `maxmemory` on, down to that share. */
const pressed = { from: 0.9, to: 0.8 };

/** Up to which share of `maxmemory` sessions are saved. */
const forSessions = 1.25;

/** The memory of one server, in bytes. */
interface ServerMemory {
  readonly used: number;
  /** 0: it has no bound. */
  readonly max: number;
}

/** Follows how much memory the servers of a store have left. */
export class RedisMemory {
  readonly #connection: Pick<Connection, 'servers'>;
  readonly #onPressed: (servers: readonly Redis[]) => void;
  #timer: NodeJS.Timeout | undefined;
  #used: number | undefined;
  #isBeyond = false;
  #pressed: readonly Redis[] = [];
  #closed = false;

  /**
   * @param connection - whose servers are followed
   * @param onPressed - called after each check that found servers with little memory left
   */
  constructor(connection: Pick<Connection, 'servers'>, onPressed: (servers: readonly Redis[]) => void) {
    this.#connection = connection;
    this.#onPressed = onPressed;
    void this.#look();
  }

  /** What all servers use, in bytes, other data included; `undefined`: not known, or they do not allow `INFO`. */
  get used(): number | undefined {
    return this.#used;
  }

  /** Whether a server has little memory left, as of the last check. */
  get isPressed(): boolean {
    return this.#pressed.length > 0;
  }

  /** @throws StoreError `store_full` if Redis has so much more than `maxmemory` that not even sessions may use more */
  checkForSession(): void {
    if (this.#isBeyond) throw new StoreError('store_full', `Redis has ${forSessions} times its maxmemory in use`);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed) return;
    const ms = this.isPressed ? lookMs.pressed : lookMs.usual;
    this.#timer = setTimeout(() => void this.#look(), ms * (0.8 + 0.4 * Math.random())).unref();
  }

  async #look(): Promise<void> {
    const servers = this.#connection.servers();
    const found = await Promise.all(servers.map(readMemory));
    this.#note(servers, found);
    this.#schedule();
    if (this.isPressed && !this.#closed) this.#onPressed(this.#pressed);
  }

  #note(servers: readonly Redis[], found: readonly (ServerMemory | undefined)[]): void {
    const share = (one: ServerMemory | undefined): number =>
      one === undefined || one.max === 0 ? 0 : one.used / one.max;
    const known = found.filter((one) => one !== undefined);
    this.#used = known.length === 0 ? undefined : known.reduce((sum, { used }) => sum + used, 0);
    this.#isBeyond = known.some((one) => share(one) > forSessions);
    const before = this.#pressed;
    this.#pressed = servers.filter(
      (server, index) => share(found[index]) > (before.includes(server) ? pressed.to : pressed.from),
    );
  }
}

/** `undefined`: the server does not respond, or does not allow it. */
async function readMemory(server: Redis): Promise<ServerMemory | undefined> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    deadline = setTimeout(resolve, lookTimeoutMs, undefined);
  });
  const info = await Promise.race([server.info('memory').catch(() => undefined), late]);
  clearTimeout(deadline);
  if (info === undefined) return undefined;
  const { used_memory: used, maxmemory: max } = parseInfo(info);
  return Number.isFinite(Number(used)) ? { used: Number(used), max: Number(max ?? 0) } : undefined;
}
