import { startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { createRedisClient } from '@gopush/store';
import { expect, onTestFinished, test } from 'vitest';
import { connectTo, hear } from '../../../../test/support/nodes.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

/** What no push-server publishes: bytes that are no message, and messages of another shape. */
const garbage: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from([0xc1]),
  Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0x93, 1, 2, 3]),
  Buffer.alloc(5_000, 0x91),
  ...['{', '[]', 'null', '5', '{"type":"x","requestId":{}}'].map((text) => Buffer.from(text)),
  // Questions of each kind with nothing in them, and with something else than there should be.
  ...Array.from({ length: 14 }, (_, type) => Buffer.from(`{"type":${type}}`)),
  ...Array.from({ length: 14 }, (_, type) => Buffer.from(`{"type":${type},"uid":"x","opts":{"rooms":5},"data":5}`)),
];

test.each(['pubsub', 'sharded', 'streams'] as const)(
  'what others publish to the channels of push-servers ends none of them and keeps nothing back: %s',
  async (fanout) => {
    const { port } = await startRedis();
    const redisAdapter = { host: '127.0.0.1', port, prefix: 'test', fanout };
    const start = async () => {
      const config = { serverPortStart: 0, redisAdapter, pushServer: { drainMs: 200 } };
      const server = await startPushServer({ config, logger: silentLogger });
      onTestFinished(() => server.close());
      return server;
    };
    const [one, other] = [await start(), await start()];
    const ann = await connectTo(other, 'ann');
    const numbers = hear<number>(ann, 'number');
    const redis = createRedisClient({ ...redisAdapter } as never, 1);
    onTestFinished(() => redis.disconnect());
    const list = async (what: string): Promise<string[]> => (await redis.call('PUBSUB', what)) as string[];
    const channels = [...(await list('CHANNELS')), 'test#/#', 'test#/#room#'];
    const sharded = await list('SHARDCHANNELS');
    for (const bytes of garbage) {
      for (const channel of channels) await redis.publish(channel, bytes);
      for (const channel of sharded) await redis.call('SPUBLISH', channel, bytes);
      await redis.xadd('test:stream', '*', 'uid', 'x', 'nsp', '/', 'type', '3', 'data', bytes);
      await redis.xadd('test:stream', '*', 'other', bytes);
    }
    one.io.emit('number', 1);
    await one.push.toRoom('den', 'number', 2);
    await ann.emitWithAck('go:join', 'den');
    await one.push.toRoom('den', 'number', 3);
    await numbers.has(1);
    await numbers.has(3);
    // A namespace that is closed takes its listeners along.
    await one.close();
    expect(ann.connected).toBe(true);
  },
);
