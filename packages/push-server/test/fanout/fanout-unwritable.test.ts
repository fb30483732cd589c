import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { connectTo, hear } from '../../../../test/support/nodes.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

function deep(): object {
  let value: object = {};
  for (let level = 0; level < 20_000; level++) value = { value };
  return value;
}

function circular(): object {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}

/** What a program may put somewhere, and nobody can write down. */
const unwritable: Readonly<Record<string, () => unknown>> = {
  deep,
  circular,
  'big number': () => ({ big: 10n, fn: () => 1 }),
  'toJSON that throws': () => ({
    fn: () => 1,
    toJSON() {
      throw new Error('no');
    },
  }),
};

async function configOf(kind: string): Promise<object> {
  if (kind !== 'embedded') {
    const { port } = await startRedis();
    return { redisAdapter: { host: '127.0.0.1', port, prefix: 'test', fanout: kind } };
  }
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return { pushServer: { fanoutDir: dir, storeDir: join(dir, 'store') } };
}

// A promise that nobody looks at fails the run, as it ends a process.
test.each(['embedded', 'pubsub', 'sharded', 'streams'])(
  'what a program sends and nobody can write, or keeps in the data of a socket, ends no push-server: %s',
  async (kind) => {
    const config = await configOf(kind);
    const start = async () => {
      const server = await startPushServer({ config: { serverPortStart: 0, ...config }, logger: silentLogger });
      onTestFinished(() => server.close());
      return server;
    };
    const [one, other] = [await start(), await start()];
    const ann = await connectTo(other, 'ann');
    const numbers = hear<number>(ann, 'number');
    const [socket] = await other.io.local.fetchSockets();
    const asked: Promise<unknown>[] = [];
    for (const make of Object.values(unwritable)) {
      Object.assign(socket?.data as object, { odd: make() });
      asked.push(one.io.timeout(300).fetchSockets().catch(String));
      for (const emit of [
        () => one.io.emit('odd', make()),
        () => one.io.to('den').emit('odd', make()),
        () => one.io.serverSideEmit('odd', make()),
      ]) {
        try {
          emit();
        } catch {
          // Its caller knows.
        }
      }
      await Promise.race([asked.at(-1), new Promise((resolve) => setTimeout(resolve, 150))]);
    }
    one.io.emit('number', 1);
    await numbers.has(1);
    await Promise.all(asked);
    expect(ann.connected).toBe(true);
  },
);
