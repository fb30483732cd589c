import { randomBytes } from 'node:crypto';
import type { RedisConfig } from '@gopush/contract';
import type { Cluster, Redis } from 'ioredis';
import { callMs } from '../bounds.ts';
import { within } from '../deadline.ts';
import { createSignal, type Signal } from '../signal.ts';
import { createState, type StateCell } from '../state.ts';
import { StoreError } from '../store-error.ts';
import { followProblems } from './follow-problems.ts';
import { createRedisClient, type RedisClient, watchOf } from './redis-client.ts';
import { refusalError, toStoreError } from './to-store-error.ts';
import { writeTogether } from './write-together.ts';

/** An argument of a script besides its keys. */
type Argument = string | number | Buffer;

/** Runs one script on keys of one slot. Texts in its reply are Buffers. */
export type Script = (keys: readonly string[], ...args: readonly Argument[]) => Promise<unknown>;

/** A connection to Redis whose calls settle in bounded time. */
export interface Connection {
  readonly state: StateCell;
  /** Why Redis cannot be reached, and what to change; `undefined`: it can, or the reason is not known. */
  problem(): string | undefined;
  /** Fires when Redis has lost its data. */
  readonly forgotten: Signal;
  /** Checks at once whether Redis responds and still has its data. */
  probe(): Promise<void>;
  /** Makes a key: `key('h', room)` is `prefix:h:{room}`, where the braces keep the keys of a room in one slot. */
  key(kind: string, name: string): string;
  /** Defines a script under a unique name. */
  script(name: string, keys: number, lua: string): Script;
  /** The connections to the servers that are written to: one, or in a cluster one for each master. */
  servers(): readonly Redis[];
  /** Opens a further connection, for subscriptions. It is closed together with this one. */
  another(): RedisClient;
  close(): Promise<void>;
}

/** Time between two probes of Redis, in milliseconds. */
const probeMs = 500;

/**
 * How long the marker key lives that shows whether Redis still has its data, in milliseconds. A jump of its clock by more than this expires it, as
 * it expires much else.
 */
const markMs = 30_000;

/** Returns the marker and why Redis refused the write: `[mark, refusal]`, each empty if there is none. */
const probeScript = `
local mark = redis.call('GET', KEYS[1])
local written = redis.pcall('SET', KEYS[1], mark or ARGV[1], 'PX', ARGV[2])
if type(written) == 'table' and written.err then return {mark or '', written.err} end
return {mark or ARGV[1], ''}
`;

/** Opens a connection and waits up to 2 s for it. It keeps trying after that. */
export async function openConnection(config: RedisConfig): Promise<Connection> {
  const connection = new RedisConnection(config);
  await connection.open();
  return connection;
}

class RedisConnection implements Connection {
  readonly state = createState('down');
  readonly forgotten = createSignal();
  readonly problem: () => string | undefined;
  readonly #config: RedisConfig;
  readonly #client: RedisClient;
  /** Connections for subscriptions. */
  readonly #others: RedisClient[] = [];
  readonly #askProbe: Script;
  #timer: NodeJS.Timeout | undefined = undefined;
  #mark: string | undefined = undefined;
  #closed = false;
  #probing: Promise<void> | undefined = undefined;
  /** Called when Redis has responded. */
  #onUp = (): void => {};

  constructor(config: RedisConfig) {
    this.#config = config;
    this.#client = createRedisClient(config, 0, false);
    this.problem = followProblems(this.#client);
    this.#askProbe = this.script('probe', 1, probeScript);
  }

  async open(): Promise<void> {
    const client = this.#client;
    client.on('error', () => {});
    client.on('ready', () => void this.probe());
    client.on('close', () => {
      if (!this.#closed) this.state.set('down');
    });
    this.#timer = setInterval(() => void this.probe(), probeMs).unref();
    const isUp = new Promise<void>((resolve) => {
      this.#onUp = resolve;
    });
    await within(isUp, callMs, 'Redis').catch(() => {});
    this.#onUp = () => {};
  }

  key(kind: string, name: string): string {
    return `${this.#config.prefix}:${kind}:{${encodeURIComponent(name)}}`;
  }

  script(name: string, numberOfKeys: number, lua: string): Script {
    const client = this.#client;
    const command = `gopush_${name}`;
    client.defineCommand(command, { numberOfKeys, lua });
    const run = (client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[`${command}Buffer`];
    if (run === undefined) throw new Error(`${command} was not defined`);
    return (keys, ...args) =>
      this.#call(() => {
        writeTogether(client);
        return run.call(client, ...keys, ...args);
      });
  }

  servers(): readonly Redis[] {
    return this.#client.isCluster ? (this.#client as Cluster).nodes('master') : [this.#client as Redis];
  }

  another(): RedisClient {
    const other = createRedisClient(this.#config, null);
    // Without a listener, an error would end the process. The first connection reports the problem.
    other.on('error', () => {});
    this.#others.push(other);
    if (this.#closed) other.disconnect();
    return other;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#onUp();
    for (const client of [this.#client, ...this.#others]) {
      client.removeAllListeners('ready').removeAllListeners('close').disconnect();
    }
    await this.#probing;
  }

  probe(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  async #probe(): Promise<void> {
    try {
      const mark = randomBytes(9).toString('base64url');
      const [known, refusal] = (await this.#askProbe([this.key('probe', 'probe')], mark, markMs)) as [Buffer, Buffer];
      if (this.#closed) return;
      this.#found(String(known), String(refusal));
      this.#onUp();
    } catch (error) {
      if (this.#closed) return;
      const isReadOnly = error instanceof StoreError && error.message.includes('READONLY');
      this.state.set(isReadOnly ? 'read-only' : 'down');
    }
  }

  /** Sets the state from the result of a probe. */
  #found(known: string, refusal: string): void {
    if (this.#mark !== undefined && known !== '' && known !== this.#mark) this.forgotten.fire();
    if (known !== '') this.#mark = known;
    if (refusal === '') this.state.set('up');
    else if (refusal.includes('READONLY')) this.#leaveReplica();
    else this.state.set(refusalError(refusal).code === 'store_full' ? 'full' : 'read-only');
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreError('store_closed', 'the store is closed');
    try {
      return await within(work(), callMs, 'Redis');
    } catch (cause) {
      const error = this.#closed
        ? new StoreError('store_closed', 'the store is closed', { cause })
        : toStoreError(cause, this.problem());
      if (error.code === 'store_down') this.#lost(cause);
      else if (error.code === 'store_full' && this.state.get() === 'up') this.state.set('full');
      throw error;
    }
  }

  #lost(cause: unknown): void {
    if (this.#closed) return;
    if (this.#client.isCluster) {
      // One of several servers may have failed. The state follows the probe, or it would flap.
      void this.probe();
      return;
    }
    const { message } = cause instanceof Error ? cause : new Error();
    if (message.includes('READONLY')) this.#leaveReplica();
    else this.state.set('down');
  }

  /** The server became a replica. The connection leaves it when another one is master; meanwhile it can be read. */
  #leaveReplica(): void {
    this.state.set('read-only');
    watchOf(this.#config)?.foundReplica(this.#client);
  }
}
