import { expect, test } from 'vitest';
import { startRedis } from '../../../store/test/support/redis.ts';
import { redisConfig } from '../../../store/test/support/stores.ts';
import { checkRedis } from '../../src/check/check-redis.ts';

test('a Redis that clients could fill, or that removes what is needed when it is full, is a warning', async () => {
  const found = async (...options: string[]) => {
    const { port } = await startRedis(options);
    const { state, detail } = await checkRedis(redisConfig({ host: '127.0.0.1', port }));
    return [state, detail];
  };
  expect(await found()).toEqual(['warning', expect.stringMatching(/has no maxmemory/)]);
  expect(await found('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')).toEqual([
    'warning',
    expect.stringMatching(/allkeys-lru removes/),
  ]);
  expect(await found('--maxmemory', '100mb', '--maxmemory-policy', 'noeviction')).toEqual(['ok', 'answers']);
});
