import { randomBytes } from 'node:crypto';
import type { RedisConfig } from '@gopush/contract';
import { Cluster } from 'ioredis';
import { callMs } from '../bounds.ts';
import { within } from '../deadline.ts';
import { createSignal, type Signal } from '../signal.ts';
import { createState, type StateCell } from '../state.ts';
import { StoreError } from '../store-error.ts';
import { followProblems } from './follow-problems.ts';
import { createRedisClient, type RedisClient, watchOf } from './redis-client.ts';
import { refusalError, toStoreError } from './to-store-error.ts';

/** What a script is given besides its keys. */
type Argument = string | number | Buffer;

/** Runs one script on keys of one slot; texts in its answer are Buffers. */
export type Script = (keys: readonly string[], ...args: readonly Argument[]) => Promise<unknown>;

/** A connection whose calls end in bounded time. */
export interface Connection {
  readonly state: StateCell;
  /** Why Redis is not reached, and what to change; `undefined`: not known, or it is. */
  problem(): string | undefined;
  /** Told when Redis has lost what it kept. */
  readonly forgotten: Signal;
  /** Looks at once whether Redis answers, and has what it was given. */
  probe(): Promise<void>;
  /** Makes a key: `name('h', room)` is `{prefix}:h:{room}`, where the braces keep the keys of a room in one slot. */
  key(kind: string, name: string): string;
  /** Defines a script under a name of its own. */
  script(name: string, keys: number, lua: string): Script;
  /** A further connection, for subscriptions. It is closed with this one. */
  another(): RedisClient;
  close(): Promise<void>;
}

/** Between two looks at whether Redis answers, in milliseconds. */
const probeMs = 500;

/**
 * How long the mark is kept that shows whether Redis still has what it was given, in milliseconds. A jump of its clock by more than this makes it expire, as
 * it does with much of the rest.
 */
const markMs = 30_000;

/** Whether Redis can be written, and its mark: `[mark, refusal]`, each empty where there is none. */
const probeScript = `
local mark = redis.call('GET', KEYS[1])
local written = redis.pcall('SET', KEYS[1], mark or ARGV[1], 'PX', ARGV[2])
if type(written) == 'table' and written.err then return {mark or '', written.err} end
return {mark or ARGV[1], ''}
`;

/** Opens a connection, and waits a little for it: what cannot be reached now may come later. */
export async function openConnection(config: RedisConfig): Promise<Connection> {
  const client = createRedisClient(config, 0, false);
  const others: RedisClient[] = [];
  const problem = followProblems(client);
  const state = createState('down');
  const forgotten = createSignal();
  let mark: string | undefined;
  let closed = false;
  let probing: Promise<void> | undefined;
  let onUp = (): void => {};

  async function call<T>(work: () => Promise<T>, ms = callMs): Promise<T> {
    if (closed) throw new StoreError('store_closed', 'the store is closed');
    try {
      return await within(work(), ms, 'Redis');
    } catch (cause) {
      const error = closed
        ? new StoreError('store_closed', 'the store is closed', { cause })
        : toStoreError(cause, problem());
      if (error.code === 'store_down') lost(cause);
      else if (error.code === 'store_full' && state.get() === 'up') state.set('full');
      throw error;
    }
  }

  function lost(cause: unknown): void {
    if (closed) return;
    if (client instanceof Cluster) {
      // It may be one server of several: the state of all follows the probe, or it would go up and down.
      void probe();
      return;
    }
    const { message } = cause instanceof Error ? cause : new Error();
    if (message.includes('READONLY')) leaveReplica();
    else state.set('down');
  }

  /** A server that was made a replica is left when another one has taken over. Meanwhile this one can be read. */
  function leaveReplica(): void {
    state.set('read-only');
    watchOf(config)?.foundReplica(client);
  }

  /** What the probe has found. */
  function found(known: string, refusal: string): void {
    if (mark !== undefined && known !== '' && known !== mark) forgotten.tell();
    if (known !== '') mark = known;
    if (refusal === '') state.set('up');
    else if (refusal.includes('READONLY')) leaveReplica();
    else state.set(refusalError(refusal).code === 'store_full' ? 'full' : 'read-only');
  }

  function probe(): Promise<void> {
    probing ??= (async () => {
      try {
        const answer = await askProbe([connection.key('probe', 'probe')], randomBytes(9).toString('base64url'), markMs);
        if (closed) return;
        const [known, refusal] = answer as [Buffer, Buffer];
        found(String(known), String(refusal));
        onUp();
      } catch (error) {
        if (closed) return;
        const isReadOnly = error instanceof StoreError && error.message.includes('READONLY');
        state.set(isReadOnly ? 'read-only' : 'down');
      } finally {
        probing = undefined;
      }
    })();
    return probing;
  }

  const connection: Connection = {
    state,
    problem,
    forgotten,
    probe,
    key: (kind, name) => `${config.prefix}:${kind}:{${encodeURIComponent(name)}}`,
    script(name, numberOfKeys, lua) {
      const command = `gopush_${name}`;
      client.defineCommand(command, { numberOfKeys, lua });
      const run = (client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[`${command}Buffer`];
      if (run === undefined) throw new Error(`${command} was not defined`);
      return (keys, ...args) => call(() => run.call(client, ...keys, ...args));
    },
    another() {
      const other = createRedisClient(config, null);
      // Without a listener an error would end the process; the first connection says what is wrong.
      other.on('error', () => {});
      others.push(other);
      if (closed) other.disconnect();
      return other;
    },
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      onUp();
      for (const each of [client, ...others]) each.removeAllListeners('ready').removeAllListeners('close').disconnect();
      await probing;
    },
  };

  const askProbe = connection.script('probe', 1, probeScript);
  client.on('error', () => {});
  client.on('ready', () => void probe());
  client.on('close', () => {
    if (!closed) state.set('down');
  });
  const timer = setInterval(() => void probe(), probeMs).unref();
  await within(new Promise<void>((resolve) => (onUp = resolve)), callMs, 'Redis').catch(() => {});
  onUp = () => {};
  return connection;
}
