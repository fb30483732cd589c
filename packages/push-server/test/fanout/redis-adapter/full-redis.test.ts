import { createRedisClient } from '@gopush/store';
import { expect, onTestFinished, test } from 'vitest';
import { connectTo, hear, startNodes } from '../../../../../test/support/nodes.ts';
import { redisConfig } from '../../../../store/test/support/stores.ts';

test('what programs emit over a stream reaches the clients of other push-servers although Redis is full', async () => {
  const nodes = await startNodes('Redis');
  const redis = { host: '127.0.0.1', port: nodes.redis?.port as number, prefix: 'test' };
  const others = { redisAdapter: { ...redis, fanout: 'streams' as const } };
  const [one, two] = [await nodes.start({}, undefined, others), await nodes.start({}, undefined, others)];
  const ann = await connectTo(two, 'ann');
  const heard = hear<number>(ann, 'n');
  // From when both read the stream.
  await expect
    .poll(() => {
      one.io.emit('n', 0);
      return heard.all.length;
    })
    .toBeGreaterThan(0);
  const client = createRedisClient(redisConfig(redis), 1);
  onTestFinished(() => client.disconnect());
  await client.call('config', 'set', 'maxmemory', '1');
  await expect(client.set('key', 'value')).rejects.toThrow(/OOM/);
  one.io.emit('n', 1);
  await heard.has(1);
});
