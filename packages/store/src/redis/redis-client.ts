import type { RedisConfig } from '@gopush/contract';
import { requireOnDemand } from '@gopush/service';
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { forgivePauses } from './forgive-pauses.ts';
import { hideArguments } from './hide-arguments.ts';
import { ServerWatch } from './server-watch.ts';
import { standSecondErrors } from './stand-second-errors.ts';
import { tlsOptions } from './tls-options.ts';

const require = requireOnDemand(import.meta.url);

/** Loaded with the first connection: a process without Redis does not need it. */
const ioredis = (): typeof import('ioredis') => {
  const library = require('ioredis') as typeof import('ioredis');
  standSecondErrors(library.Redis);
  return library;
};

/** A connection to a single Redis, to the master that sentinels watch, or to a cluster. */
export type RedisClient = Redis | Cluster;

/** Without the option that ioredis does not accept as `undefined`. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/** Longest wait between two attempts to reconnect, in milliseconds. */
const maxRetryMs = 1_000;

/** How long a reply may take until the connection is closed, if commands do not wait, in milliseconds. */
const silenceMs = 1_500;

/** How long a closing connection may stay open, in milliseconds: a server that hangs does not close its side. */
const disconnectMs = 1_000;

/** How long connecting may take, in milliseconds. */
const connectMs = 3_000;

/**
 * Creates a client that connects at once, reconnects for ever, and follows its address to other servers: see {@link ServerWatch}.
 *
 * @param maxRetriesPerRequest - number of failed reconnects after which a waiting command fails; `null`: never
 * @param waiting - whether commands wait for a connection, and are sent again after a lost one; else they fail at once, also if the server hangs
 * @param sharded - whether it subscribes to channels of sharded pub/sub, each of which belongs to one server of a cluster
 * @throws TypeError naming the setting, for a certificate or key that cannot be read
 */
export function createRedisClient(
  config: RedisConfig,
  maxRetriesPerRequest: number | null,
  waiting = true,
  sharded = false,
): RedisClient {
  const options = {
    ...optionsOf(config),
    maxRetriesPerRequest,
    ...(waiting ? {} : { autoResendUnfulfilledCommands: false, socketTimeout: silenceMs }),
  };
  const client =
    config.cluster === undefined
      ? connectSingle(config, { ...options, enableOfflineQueue: waiting, retryStrategy: retry })
      : new (ioredis().Cluster)([...config.cluster], {
          redisOptions: options,
          clusterRetryStrategy: retry,
          enableOfflineQueue: waiting,
          shardedSubscribers: sharded,
        });
  hideArguments(client);
  if (!client.isCluster) client.on('error', (error) => leaveWrongDatabase(client as Redis, error));
  if (!waiting) forgivePauses(client);
  watchOf(config)?.add(client);
  return client;
}

/** Closes a connection whose database could not be selected: ioredis would use another one. */
function leaveWrongDatabase(client: Redis, error: Error & { readonly command?: { readonly name?: string } }): void {
  if (error.command?.name === 'select') client.disconnect(true);
}

const watches = new WeakMap<RedisConfig, ServerWatch>();

/** Returns the watch of an address; `undefined` for a cluster, which finds its servers by itself. */
export function watchOf(config: RedisConfig): ServerWatch | undefined {
  if (config.cluster !== undefined) return undefined;
  let watch = watches.get(config);
  if (watch === undefined) {
    const once = { lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null, maxRetriesPerRequest: 0 };
    watch = new ServerWatch(() => hideArguments(connectSingle(config, { ...optionsOf(config), ...once })));
    watches.set(config, watch);
  }
  return watch;
}

function optionsOf(config: RedisConfig): Options {
  const { username, password } = config;
  const tls = config.tls ? tlsOptions(config) : undefined;
  return {
    connectTimeout: connectMs,
    disconnectTimeout: disconnectMs,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function connectSingle(config: RedisConfig, options: Options): Redis {
  const { db, sentinels, sentinelName, sentinelUsername, sentinelPassword, sentinelTls = config.tls, path } = config;
  const single = { ...options, ...(db === undefined ? {} : { db }) };
  const { Redis } = ioredis();
  if (sentinels === undefined) {
    return new Redis(path === undefined ? { ...single, host: config.host, port: config.port } : { ...single, path });
  }
  const { retryStrategy } = options;
  return new Redis({
    ...single,
    sentinels: [...sentinels],
    name: sentinelName,
    sentinelRetryStrategy: retryStrategy === retry ? retry : () => null,
    ...(config.tls ? { enableTLSForSentinelMode: true } : {}),
    ...(sentinelTls ? { sentinelTLS: tlsOptions(config) } : {}),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
  });
}

function retry(attempt: number): number {
  return Math.min(50 * 2 ** attempt, maxRetryMs);
}
