import { checkIntegers, checkNames } from '../bounds.ts';
import { type RegisteredNode, type RegistryStore, readNode } from '../registry.ts';
import { type ListWatch, watchList } from '../watch-list.ts';
import type { Connection } from './connection.ts';
import { writeWhenFull } from './script-memory.ts';
import { followClock, scriptTime } from './script-time.ts';

/** A hash of nodes as JSON, and a sorted set of their ids by the end of the lease. Both expire with the last lease. */
const announce = `${scriptTime}
local nodes, leases = KEYS[1], KEYS[2]
local id, node, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
${writeWhenFull('nodes')}${followClock('KEYS[3]', 'leases')}for _, gone in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', whole(now))) do
  redis.call('HDEL', nodes, gone)
  redis.call('ZREM', leases, gone)
end
local before = redis.call('HGET', nodes, id)
redis.call('HSET', nodes, id, node)
redis.call('ZADD', leases, whole(now + lease), id)
local latest = redis.call('ZRANGE', leases, -1, -1, 'WITHSCORES')[2]
for _, key in ipairs({nodes, leases}) do redis.call('PEXPIREAT', key, whole(tonumber(latest))) end
if before ~= node then redis.call('PUBLISH', ARGV[4], id) end
`;

const withdraw = `
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then redis.call('PUBLISH', ARGV[2], ARGV[1]) end
`;

const list = `${scriptTime}
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. whole(now), '+inf')) do
  local node = redis.call('HGET', KEYS[1], id)
  if node then table.insert(found, node) end
end
return found
`;

/**
 * @param name - name of the registry; each has its own nodes
 * @param isHurried - whether changes are published at once, over a connection of their own
 */
export function createRegistry(
  connection: Connection,
  name = 'registry',
  isHurried = true,
): RegistryStore & { close(): void } {
  const scripts = {
    announce: connection.script('registry_announce', 3, announce),
    withdraw: connection.script('registry_withdraw', 2, withdraw),
    list: connection.script('registry_list', 2, list),
  };
  const keys = [connection.key('nodes', name), connection.key('leases', name)];
  const clock = connection.key('clock', name);
  const channel = connection.key('changes', name);
  const watches = new Set<ListWatch>();
  let subscribed = false;

  async function listNodes(): Promise<readonly RegisteredNode[]> {
    const found = (await scripts.list(keys)) as Buffer[];
    const nodes = found.flatMap((node) => readNode(node) ?? []);
    return nodes.sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
  }

  /** If the channel loses a change, the regular checks of each watch find it. */
  function subscribe(): void {
    if (subscribed) return;
    subscribed = true;
    const subscriber = connection.another();
    subscriber.on('message', () => {
      for (const watch of watches) watch.look();
    });
    subscriber.subscribe(channel).catch(() => {});
  }

  return {
    list: listNodes,
    async announce(node, leaseMs) {
      checkNames(node.id);
      checkIntegers(1, { leaseMs });
      await scripts.announce([...keys, clock], node.id, JSON.stringify(node), leaseMs, channel);
    },
    async withdraw(id) {
      checkNames(id);
      await scripts.withdraw(keys, id, channel);
    },
    watch(listener) {
      if (isHurried) subscribe();
      const { forgotten } = connection;
      const probe = (): Promise<void> => connection.probe();
      // The first probe may have begun before the list was read.
      const checkForgotten = (): Promise<void> => probe().then(probe);
      const watch = watchList({ list: listNodes, forgotten, checkForgotten }, listener);
      watches.add(watch);
      return () => {
        watch.stop();
        watches.delete(watch);
      };
    },
    close() {
      for (const watch of watches) watch.stop();
    },
  };
}
