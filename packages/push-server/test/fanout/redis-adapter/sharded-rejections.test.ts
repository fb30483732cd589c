import { setImmediate } from 'node:timers/promises';
import { createConfig, type RedisConfig } from '@gopush/contract';
import { silentLogger } from '@gopush/service';
import { createRedisClient } from '@gopush/store';
import { expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../../../store/test/support/redis.ts';
import { openRedisAdapter } from '../../../src/fanout/redis-adapter/open-redis-adapter.ts';

test.each(['ssubscribe', 'sunsubscribe'] as const)(
  'an adapter that calls %s on a connection that has ended leaves no rejection that nobody handles',
  async (method) => {
    const { port } = await startRedis();
    const { redisAdapter } = createConfig({ redisAdapter: { port, fanout: 'sharded' } });
    const config = redisAdapter as RedisConfig;
    const [publisher, subscriber] = [createRedisClient(config, 1), createRedisClient(config, null)];
    const opened = openRedisAdapter(config, publisher, subscriber, silentLogger);
    const rejected: unknown[] = [];
    const listener = (reason: unknown): void => void rejected.push(reason);
    process.on('unhandledRejection', listener);
    onTestFinished(() => {
      process.off('unhandledRejection', listener);
      opened.close();
      for (const client of [publisher, subscriber, ...opened.clients()]) client.disconnect();
    });
    const [sharded] = opened.clients();
    sharded?.disconnect();
    // As Socket.IO's adapter does, which looks at no promise.
    void sharded?.[method]('channel');
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    expect(rejected).toEqual([]);
  },
);
