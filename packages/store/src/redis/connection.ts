import type { RedisConfig } from '@gopush/contract';
import { Cluster } from 'ioredis';
import { callMs } from '../bounds.ts';
import { within } from '../deadline.ts';
import { createState, type StateCell } from '../state.ts';
import { StoreError } from '../store-error.ts';
import { createRedisClient, type RedisClient } from './redis-client.ts';
import { toStoreError } from './to-store-error.ts';

/** What a script is given besides its keys. */
type Argument = string | number | Buffer;

/** Runs one script on keys of one slot; texts in its answer are Buffers. */
export type Script = (keys: readonly string[], ...args: readonly Argument[]) => Promise<unknown>;

/** A connection whose calls end in bounded time. */
export interface Connection {
  readonly state: StateCell;
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

/** Opens a connection, and waits a little for it: what cannot be reached now may come later. */
export async function openConnection(config: RedisConfig): Promise<Connection> {
  const client = createRedisClient(config, 0, false);
  const others: RedisClient[] = [];
  const state = createState('down');
  let closed = false;
  let probing: Promise<void> | undefined;
  let onUp = (): void => {};

  async function call<T>(work: () => Promise<T>, ms = callMs): Promise<T> {
    if (closed) throw new StoreError('store_closed', 'the store is closed');
    try {
      return await within(work(), ms, 'Redis');
    } catch (cause) {
      const error = closed ? new StoreError('store_closed', 'the store is closed', { cause }) : toStoreError(cause);
      if (error.code === 'store_down') lost(cause);
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
    state.set('down');
    // A server that was made a replica is left: the next connection may find the one that took over.
    const { message } = cause instanceof Error ? cause : new Error();
    if (message.includes('READONLY') && client.status === 'ready') client.disconnect(true);
  }

  function probe(): Promise<void> {
    probing ??= (async () => {
      try {
        await call(() => client.exists(connection.key('probe', 'probe')));
        if (closed) return;
        state.set('up');
        onUp();
      } catch {
        if (!closed) state.set('down');
      } finally {
        probing = undefined;
      }
    })();
    return probing;
  }

  const connection: Connection = {
    state,
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
