/**
 * A part of a cluster that is only told of: nodes with numbers that change each second, and nobody behind them. With `shows`, it is one node
 * that shows the cluster at an admin listener, sends its URL, and answers each message with the CPU time that it has used so far, in milliseconds.
 *
 * Argument: JSON with `store` (`folder`, or `redisPort`), and `nodes` (from and to, of how many) or `shows`.
 */
import { createClusterPart } from '@gopush/cluster';
import { createMetrics, silentLogger, startAdmin } from '@gopush/service';
import { openEmbeddedStore, openRedisStore } from '@gopush/store';

const { store: where, from, to, connections, rooms, shows } = JSON.parse(process.argv[2]);
const store =
  where.folder === undefined
    ? await openRedisStore({ host: '127.0.0.1', port: where.redisPort, prefix: 'told' })
    : await openEmbeddedStore(where.folder);
const parts = Array.from({ length: to - from }, (_, index) => join(from + index));
if (shows) {
  const options = { host: '127.0.0.1', port: 0, checks: {}, metrics: createMetrics('told_'), state: () => ({}) };
  const admin = await startAdmin({ ...options, log: silentLogger, routes: parts[0].routes });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send((user + system) / 1_000);
  });
  process.send(admin.url);
} else process.send('ready');
process.on('disconnect', () => process.exit());

/** Every third node is an agent. */
function join(index) {
  const isAgent = index % 3 === 0;
  const startedAt = performance.now();
  const part = createClusterPart({
    ...{ isOn: true, isolateProducts: false, acts: {}, name: `node-${index}`, log: silentLogger },
    tier: isAgent ? 'agent' : 'push-server',
    describe: () => describe(isAgent, performance.now() - startedAt),
  });
  part.join(store);
  return part;
}

/** Of each agent: as much as a summary has room for. */
const router = {
  routes: Array.from({ length: 20 }, (_, index) => ({
    ...{
      host: `*.of-${index}.example.com`,
      path: null,
      product: `product-${index % 4}`,
      stripPath: false,
      public: null,
    },
  })),
  products: Array.from({ length: 4 }, (_, index) => ({
    ...{ product: `product-${index}`, from: 'list', of: null, choose: 'hash', sticky: 'sid', public: false },
    targets: Array.from({ length: 5 }, (__, target) => `10.0.0.${5 * index + target}:4000`),
  })),
  leftOut: { routes: 0, products: 0 },
};

function describe(isAgent, ms) {
  const messages = Math.round(ms * 20);
  const targets = Array.from({ length: 20 }, (_, target) => ({
    ...{ product: `product-${target % 4}`, target: `10.0.0.${target}:4000`, state: 'up' },
    ...{ connections: 60, handedOff: 30, messages, errors: 3, causes: [['target_reset', 3]] },
  }));
  const top = Array.from({ length: 32 }, (_, room) => ({
    ...{ room: `room-${room}`, members: 100 - room, published: messages },
  }));
  return {
    ...{ state: 'ready', loopDelayMs: 3, fallbacks: [['polling', 3]] },
    clients: { connections, handedOff: 100, ownedAlone: 0, held: 0, rooms, users: 500, queuedBytes: 0 },
    totals: { messages, deliveries: messages * 10, requests: messages, handedOff: messages, notKept: 0, gaps: 0 },
    migrations: { given: 0, taken: 0, migrated: 100, failedOver: 3, fellBack: 3 },
    refusals: [
      ['overloaded', messages],
      ['uid_missing', 20],
    ],
    targets: isAgent ? targets : [],
    rooms: isAgent ? [] : top,
    ...(isAgent ? { router } : {}),
  };
}
