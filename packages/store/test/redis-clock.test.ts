import { expect, onTestFinished, test } from 'vitest';
import { createRedisClient } from '../src/index.ts';
import { type Connection, openConnection } from '../src/redis/connection.ts';
import { createHistory } from '../src/redis/history.ts';
import { createInbox } from '../src/redis/inbox.ts';
import { createPresence } from '../src/redis/presence.ts';
import { createRegistry } from '../src/redis/registry.ts';
import { createSessions } from '../src/redis/sessions.ts';
import { startRedis } from './support/redis.ts';
import { redisConfig, until } from './support/stores.ts';

/** Has a script see a clock of Redis that is wrong by the number of milliseconds in a key. */
const shifted = `
local real = redis
local shift = tonumber(real.call('GET', 'shift') or 0)
local redis = setmetatable({}, {__index = real})
function redis.call(name, ...)
  local arguments = {...}
  if name == 'TIME' then
    local time = real.call('TIME')
    return {string.format('%.0f', time[1] + shift / 1000), time[2]}
  end
  if name == 'PEXPIREAT' then arguments[2] = string.format('%.0f', arguments[2] - shift) end
  return real.call(name, unpack(arguments))
end
`;

/** The parts of a store in a Redis whose clock a test sets. */
async function openShifted() {
  const { port } = await startRedis();
  const config = redisConfig({ host: '127.0.0.1', port });
  const connection = await openConnection(config);
  onTestFinished(() => connection.close());
  const client = createRedisClient(config, 1);
  onTestFinished(() => client.disconnect());
  const onShifted: Connection = {
    state: connection.state,
    problem: connection.problem,
    forgotten: connection.forgotten,
    probe: () => connection.probe(),
    key: (kind, name) => connection.key(kind, name),
    script: (name, keys, lua) => connection.script(name, keys, shifted + lua),
    servers: () => connection.servers(),
    another: () => connection.another(),
    close: () => connection.close(),
  };
  return {
    history: createHistory(onShifted),
    inbox: createInbox(onShifted),
    presence: createPresence(onShifted, 60_000),
    registry: createRegistry(onShifted),
    sessions: createSessions(onShifted, () => {}),
    /** Sets the clock forward, or back by a negative time. What expires at a time does so by that clock. */
    async jump(ms: number) {
      await client.incrby('shift', ms);
      for (const key of await client.keys('gopush-test:*')) {
        const left = await client.pttl(key);
        if (left > 0) await client.pexpire(key, Math.max(1, left - ms));
      }
    },
  };
}

const jumps = { 'back by 10 min': [-600_000], 'forward by 10 min and back again': [600_000, -600_000] };

test.each(Object.entries(jumps))(
  'the nodes that are there are listed and have presence, and those that died are not, after the clock of Redis went %s',
  async (_name, steps) => {
    const { presence, registry, jump } = await openShifted();
    const leaseMs = 1_500;
    const nodeOf = (id: string) => ({ id, tier: 't', host: 'h', port: 1, weight: 1, load: 0, state: 'ready' }) as const;
    const live = async (node: string): Promise<void> => {
      await registry.announce(nodeOf(node), leaseMs);
      if ((await presence.beat(node, leaseMs)) === 'begun') {
        await presence.enter(node, { uid: node, socket: node, since: 1 });
        await presence.joinRoom(node, 'room', node, node);
      }
    };
    for (const node of ['lives', 'dies']) await live(node);
    for (const ms of steps) {
      await jump(ms);
      await live('lives');
      if (ms !== steps.at(-1)) await live('dies');
    }
    const present = async (): Promise<string[]> => (await presence.room('room', 10)).users.map(({ uid }) => uid);
    await until(
      async () => {
        await live('lives');
        await presence.sweep();
        return [(await registry.list()).map(({ id }) => id), await present()].join();
      },
      (listed) => listed === 'lives,lives',
    );
    expect((await presence.user('dies')).devices).toBe(0);
    expect(await presence.beat('lives', leaseMs)).toBe('renewed');
  },
);

test.each(Object.entries(jumps))(
  'messages, letters and sessions stay, in their order, after the clock of Redis went %s',
  async (_name, steps) => {
    const { history, inbox, sessions, jump } = await openShifted();
    // Longer than the jump forward.
    const limits = { count: 3, ageMs: 1_200_000, bytes: 1_000_000 };
    const bounds = { count: 10, bytes: 1_000 };
    const append = (n: number) => history.append('room', Buffer.from(`${n}`), limits, `id ${n}`);
    const put = (n: number) => inbox.put('ann', { id: `${n}`, payload: Buffer.from(`${n}`), ttlMs: 1_200_000 }, bounds);
    const { epoch } = await append(0);
    await put(0);
    await sessions.save('key', Buffer.from('session'), 1_200_000);
    let n = 0;
    for (const ms of steps) {
      await jump(ms);
      n++;
      expect(await append(n)).toEqual({ epoch, offset: n + 1, duplicate: false });
      expect(await append(0)).toEqual({ epoch, offset: 1, duplicate: true });
      await put(n);
    }
    const wanted = Array.from({ length: n + 1 }, (_, index) => `${index}`);
    expect((await history.read('room', 0, 10)).messages.map(({ payload }) => String(payload))).toEqual(wanted);
    expect((await inbox.pending('ann', 0, 10)).map(({ payload }) => String(payload))).toEqual(wanted);
    // Bounds hold, and what is acknowledged does not come again.
    for (let more = 0; more < 5; more++) await append(10 + more);
    expect((await history.read('room', 0, 10)).messages.length).toBe(3);
    expect(await inbox.ack('ann', wanted)).toBe(wanted.length);
    expect(await put(0)).toEqual({ state: 'duplicate', seq: 0 });
    expect(await sessions.take('key')).toEqual(Buffer.from('session'));
  },
);
