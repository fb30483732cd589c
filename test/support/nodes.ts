import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { type ConfigInput, createConfig } from '@gopush/contract';
import { type PushServer, type PushServerOptions, startPushServer } from '@gopush/push-server';
import { openEmbeddedStore, openRedisStore, type Store } from '@gopush/store';
import type { Socket } from 'socket.io-client';
import { describe, onTestFinished } from 'vitest';
import { startRedis, type TestRedis } from '../../packages/store/test/support/redis.ts';
import { tellIfSlow } from './slow-wait.ts';
import { connectClient } from './socket-io.ts';

/** Push-servers that keep their data together, made for one test. */
export interface TestNodes {
  readonly config: ConfigInput;
  /** The Redis behind them, if there is one. */
  readonly redis: TestRedis | undefined;
  /** Starts one more. */
  start(
    config?: ConfigInput['pushServer'],
    hooks?: PushServerOptions['hooks'],
    others?: Omit<ConfigInput, 'pushServer'>,
  ): Promise<PushServer>;
  /** The same store once more, as another node opens it. */
  openStore(): Promise<Store>;
}

const kinds: Readonly<Record<string, () => Promise<Pick<TestNodes, 'config' | 'redis'>>>> = {
  async 'embedded store'() {
    const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    return { config: { pushServer: { fanoutDir: dir, storeDir: join(dir, 'store') } }, redis: undefined };
  },
  async Redis() {
    const redis = await startRedis();
    return { config: { redisAdapter: { host: '127.0.0.1', port: redis.port, prefix: 'test' } }, redis };
  },
};

/** Runs the same tests over the embedded store and over Redis. */
export function describeNodes(what: string, tests: (startNodes: () => Promise<TestNodes>, kind: string) => void): void {
  describe.each(Object.keys(kinds))(`${what}: %s`, (kind) => tests(() => startNodes(kind), kind));
}

/** Prepares push-servers of one kind. */
export async function startNodes(kind: string): Promise<TestNodes> {
  const { config, redis } = await (kinds[kind] as (typeof kinds)[string])();
  let count = 0;
  return {
    config,
    redis,
    async start(pushServer = {}, hooks = undefined, others = {}) {
      const server = await startPushServer({
        config: {
          serverPortStart: 0,
          ...config,
          ...others,
          pushServer: {
            drainMs: 200,
            graceMs: 0,
            ...config.pushServer,
            ...pushServer,
            // As with agents: see startTestAgent.
            limits: { beginDelayMs: 0, ...pushServer?.limits },
          },
        },
        node: `node-${count++}`,
        ...(hooks === undefined ? {} : { hooks }),
      });
      onTestFinished(() => server.close());
      return server;
    },
    async openStore() {
      const { redisAdapter, pushServer } = createConfig(config);
      const store =
        redisAdapter === null ? await openEmbeddedStore(pushServer.storeDir ?? '') : await openRedisStore(redisAdapter);
      onTestFinished(() => store.close());
      return store;
    },
  };
}

/** Puts a message into a room's log that no node is told of, as when its live part is lost on the way. */
export function appendUnheard(store: Store, room: string, event: string, message: unknown) {
  const limits = { count: 100, ageMs: 300_000, bytes: 1_048_576 };
  return store.history.append(`r:${room}`, serialize([event, message, undefined]), limits);
}

/** A client of one push-server. */
export function connectTo(server: PushServer, uid: string, options: object = {}): Promise<Socket> {
  return connectClient(server.url, 'websocket', { query: { uid }, ...options });
}

/** All that a client gets of an event, with a promise of the n-th. */
export interface Heard<T = unknown> {
  readonly all: T[];
  readonly marks: unknown[];
  /** Resolves when there are so many. */
  count(wanted: number): Promise<T[]>;
  /** Resolves when this was among them. */
  has(message: T): Promise<void>;
}

/** Listens to an event from now on. */
export function hear<T = unknown>(socket: Socket, event: string): Heard<T> {
  const all: T[] = [];
  const marks: unknown[] = [];
  const listeners = new Set<() => void>();
  const when = (isSo: () => boolean): Promise<void> => {
    const heard = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!isSo()) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
    });
    return tellIfSlow(heard, socket, () => `more of "${event}" than ${JSON.stringify(all)}`);
  };
  socket.on(event, (message: T, ...rest: unknown[]) => {
    all.push(message);
    marks.push(rest.at(-1));
    for (const listener of [...listeners]) listener();
  });
  return {
    all,
    marks,
    async count(wanted) {
      await when(() => all.length >= wanted);
      return all;
    },
    has: (message) => when(() => all.includes(message)),
  };
}
