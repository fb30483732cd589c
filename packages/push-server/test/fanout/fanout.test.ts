import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';
import { type Cleanup, startRedis, startRedisCluster, startSentinel } from '../../../store/test/support/redis.ts';
import { fresh, temporaryFolder } from '../../../store/test/support/stores.ts';

/** Makes push-servers that are joined. */
type StartNode = (node: string, logger?: Logger) => Promise<PushServer>;

/** Settings by which push-servers are joined, of something that ends with what `cleanup` belongs to. */
type StartBackend = (cleanup: Cleanup) => Promise<ConfigInput>;

/** What every fan-out must do, told by what clients of two or three push-servers see. */
const backends: Record<string, StartBackend> = {
  embedded: async (cleanup) => ({ pushServer: { fanoutDir: await temporaryFolder(cleanup) } }),
  'Redis behind a sentinel': async (cleanup) => {
    const { port } = await startSentinel(cleanup);
    return { redisAdapter: { sentinels: [{ host: '127.0.0.1', port }] } };
  },
  ...Object.fromEntries(
    (['pubsub', 'sharded', 'streams'] as const).flatMap((fanout): [string, StartBackend][] => [
      [
        `a single Redis by ${fanout}`,
        async (cleanup) => {
          const { port } = await startRedis([], undefined, cleanup);
          return { redisAdapter: { port, fanout } };
        },
      ],
      [
        `a Redis Cluster by ${fanout}`,
        async (cleanup) => {
          const { ports } = await startRedisCluster(cleanup);
          return { redisAdapter: { fanout, cluster: ports.map((port) => ({ host: '127.0.0.1', port })) } };
        },
      ],
    ]),
  ),
};

function nodesWith(config: ConfigInput): StartNode {
  return async (node, logger) => {
    const server = await startPushServer({
      config: {
        serverPortStart: 0,
        ...config,
        pushServer: { drainMs: 200, limits: { beginDelayMs: 0 }, ...config.pushServer },
      },
      node,
      ...(logger === undefined ? {} : { logger }),
    });
    onTestFinished(() => server.close());
    return server;
  };
}

async function connectTo(server: PushServer, uid: string): Promise<Socket> {
  return connectClient(server.url, 'websocket', { query: { uid } });
}

describe.each(Object.keys(backends))('fan-out over %s', (name) => {
  const cleanups: (() => Promise<void>)[] = [];
  let config: ConfigInput = {};
  beforeAll(async () => {
    config = await (backends[name] as StartBackend)((work) => cleanups.push(work));
  });
  afterAll(async () => {
    for (const work of cleanups.reverse()) await work();
  });

  /** Two that are joined with each other, and with nothing of other tests. */
  async function startTwo() {
    const { redisAdapter } = config;
    const start = nodesWith(
      redisAdapter == null ? config : { redisAdapter: { ...(redisAdapter as object), prefix: fresh('fanout') } },
    );
    const [one, two] = [await start('one'), await start('two')];
    const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob')];
    return { start, one, two, ann, bob };
  }

  test('rooms, users, everyone, binary: what one says the other hears, and others do not', async () => {
    const { one, two, ann, bob } = await startTwo();
    const heardByAnn: unknown[] = [];
    ann.onAny((event, message) => !['go:epoch', 'go:mark'].includes(event) && heardByAnn.push([event, message]));
    await Promise.all([ann, bob].map((client) => client.emitWithAck('room', { room: 'lobby' })));

    const heard = nextEvent(bob, 'chat');
    ann.emit('room', { room: 'lobby', event: 'chat', message: { text: 'hi', bytes: Buffer.from([0, 1, 255]) } });
    expect(await heard).toEqual({
      room: 'lobby',
      event: 'chat',
      message: { text: 'hi', bytes: Buffer.from([0, 1, 255]) },
    });

    const pushed = nextEvent(bob, 'news');
    one.push.toUser('bob', 'news', 1);
    expect(await pushed).toBe(1);

    const all = Promise.all([nextEvent(ann, 'all'), nextEvent(bob, 'all')]);
    two.io.emit('all', Buffer.from('x'));
    expect(await all).toEqual([Buffer.from('x'), Buffer.from('x')]);

    await bob.emitWithAck('go:leave', 'lobby');
    const last = nextEvent(bob, 'last');
    ann.emit('room', { room: 'lobby', event: 'chat', message: 'nobody hears this' });
    one.push.toUser('bob', 'last', 'in order');
    bob.once('chat', () => expect.fail('bob has left'));
    await last;
    expect(heardByAnn).toEqual([['all', Buffer.from('x')]]);
  });

  // Our own bus is the same for all kinds of Redis; of a cluster packages/push-server/test/bus.test.ts tells.
  test.skipIf(name.includes('Cluster'))(
    'who has just entered a room hears what is said there, though it is not kept; who has left does not',
    async () => {
      const { one, ann, bob } = await startTwo();
      const heard: unknown[] = [];
      bob.on('n', (message) => heard.push(message));
      for (let n = 0; n < 30; n++) {
        await bob.emitWithAck('go:join', `room ${n}`);
        await one.push.toRoom(`room ${n}`, 'n', n, { keep: 'no' });
        if (n % 2 === 0) continue;
        // What is on its way when a client leaves may come or not.
        await expect.poll(() => heard.includes(n), { timeout: 10_000, interval: 5 }).toBe(true);
        await bob.emitWithAck('go:leave', `room ${n}`);
        await one.push.toRoom(`room ${n}`, 'n', 'nobody hears this', { keep: 'no' });
      }
      await ann.emitWithAck('room', { room: 'room 0', event: 'n', message: 'end' });
      await expect.poll(() => heard.some((said) => typeof said === 'object'), { timeout: 10_000 }).toBe(true);
      const numbers = heard.filter((message): message is number => typeof message === 'number');
      expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
      expect(heard).not.toContain('nobody hears this');
    },
  );

  test('a client gets what its node sends in the order in which it was sent, whatever the way', async () => {
    const { one, ann } = await startTwo();
    const [socket] = [...one.io.sockets.sockets.values()];
    const heard: number[] = [];
    const all = new Promise<void>((resolve) => {
      ann.on('n', (n: number) => {
        if (heard.push(n) === 8) resolve();
      });
    });
    await socket?.join('r:order');
    one.io.emit('n', 1);
    socket?.emit('n', 2);
    one.io.to('r:order').emit('n', 3);
    socket?.emit('n', 4);
    one.io.local.emit('n', 5);
    one.io.except('r:none').emit('n', 6);
    one.io.to(socket?.id ?? '').emit('n', 7);
    one.io.emit('n', 8);
    await all;
    expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('sockets of other nodes are found, moved, let go, and asked with acks', async () => {
    const { one, ann, bob } = await startTwo();
    const found = await one.io.fetchSockets();
    expect(found.map(({ id }) => id).sort()).toEqual([ann.id, bob.id].sort());

    one.io.in('u:bob').socketsJoin('r:moved');
    await expect.poll(async () => (await one.io.in('r:moved').fetchSockets()).map(({ id }) => id)).toEqual([bob.id]);
    one.io.in('u:bob').socketsLeave('r:moved');
    await expect.poll(async () => (await one.io.in('r:moved').fetchSockets()).length).toBe(0);

    ann.on('sum', (answer) => answer(1));
    bob.on('sum', (answer) => answer(2));
    const answers = await one.io.timeout(5_000).emitWithAck('sum');
    expect(answers.sort()).toEqual([1, 2]);

    const gone = nextEvent(bob, 'disconnect');
    one.io.in('u:bob').disconnectSockets();
    expect(await gone).toBe('io server disconnect');
  });

  test('a node that comes later is reached at once, and one that leaves is not waited for', async () => {
    const { start, one, two, ann } = await startTwo();
    const three = await start('three');
    const cat = await connectTo(three, 'cat');
    const heard = nextEvent(cat, 'news');
    one.push.toUser('cat', 'news', 1);
    await heard;
    const back = nextEvent(ann, 'news');
    three.push.toUser('ann', 'news', 2);
    await back;
    await two.close();
    const found = await one.io.fetchSockets();
    expect(found.map(({ id }) => id).sort()).toEqual([ann.id, cat.id].sort());
  });

  test('servers speak to each other, with answers', async () => {
    const { one, two } = await startTwo();
    two.io.on('question', (text: string, answer: (text: string) => void) => answer(`${text} heard`));
    const answers = await (
      one.io as unknown as { serverSideEmitWithAck(...args: unknown[]): Promise<unknown> }
    ).serverSideEmitWithAck('question', 'x');
    expect(answers).toEqual(['x heard']);
  });
});

test('embedded: a node that is killed leaves a socket file, which others remove, and is not waited for', async () => {
  const fanoutDir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(fanoutDir, { recursive: true, force: true }));
  const start = nodesWith({ pushServer: { fanoutDir } });
  const program = new URL('../programs/push-server.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, fanoutDir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await once(child, 'message');
  const one = await start('one');
  const ann = await connectTo(one, 'ann');
  expect((await readdir(fanoutDir)).length).toBe(2);

  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  expect((await one.io.fetchSockets()).map(({ id }) => id)).toEqual([ann.id]);
  await expect.poll(async () => (await readdir(fanoutDir)).length).toBe(1);
  const two = await start('two');
  const heard = nextEvent(ann, 'news');
  two.push.toUser('ann', 'news', 1);
  await heard;
});

test('embedded: who is put into a room is in it at once, and who is taken out is not', async () => {
  const start = nodesWith({ pushServer: { fanoutDir: await temporaryFolder() } });
  const one = await start('one');
  const ann = await connectTo(one, 'ann');
  const heard: number[] = [];
  const last = new Promise<void>((resolve) => {
    ann.on('n', (n: number) => {
      heard.push(n);
      if (n === 3) resolve();
    });
  });
  one.io.in('u:ann').socketsJoin('r:order');
  one.io.to('r:order').emit('n', 1);
  one.io.in('u:ann').socketsLeave('r:order');
  one.io.to('r:order').emit('n', 2);
  one.io.emit('n', 3);
  await last;
  expect(heard).toEqual([1, 3]);
});

test('embedded: closing leaves no socket file', async () => {
  const fanoutDir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(fanoutDir, { recursive: true, force: true }));
  const start = nodesWith({ pushServer: { fanoutDir } });
  const servers = [await start('one'), await start('two')];
  await Promise.all(servers.map((server) => server.close()));
  expect(await readdir(fanoutDir)).toEqual([]);
});

test('embedded: a folder that others can write, or with too long a path, is refused', async () => {
  const open = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(open, { recursive: true, force: true }));
  await chmod(open, 0o777);
  await expect(nodesWith({ pushServer: { fanoutDir: open } })('x')).rejects.toThrow(/can be written by other users/);
  const long = join(open, 'x'.repeat(100));
  await chmod(open, 0o700);
  await expect(nodesWith({ pushServer: { fanoutDir: long } })('x')).rejects.toThrow(/too long for a Unix socket/);
});

describe('Redis that is away', () => {
  function remember(): { lines: string[]; logger: Logger } {
    const lines: string[] = [];
    const write = (level: string) => (first: object | string, second?: string) => {
      if (level !== 'debug') lines.push(`${level}: ${typeof first === 'string' ? first : second}`);
    };
    return {
      lines,
      logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    };
  }

  test('killed and started again: local goes on meanwhile, it is said once, and remote comes back by itself', async () => {
    const redis = await startRedis();
    const start = nodesWith({ redisAdapter: { port: redis.port } });
    const { lines, logger } = remember();
    const [one, two] = [await start('one', logger), await start('two')];
    const [ann, local, remote] = [
      await connectTo(one, 'ann'),
      await connectTo(one, 'loc'),
      await connectTo(two, 'rem'),
    ];
    await Promise.all([ann, local, remote].map((client) => client.emitWithAck('go:join', 'lobby')));

    await redis.kill();
    await expect.poll(() => lines.filter((line) => /cannot be reached/.test(line)).length).toBe(1);
    for (let count = 0; count < 20; count++) {
      const heard = nextEvent(local, 'chat');
      ann.emit('room', { room: 'lobby', event: 'chat', message: count });
      expect(await heard).toMatchObject({ message: count });
    }
    const late = await connectTo(one, 'late');
    expect(late.connected).toBe(true);
    await one.io.fetchSockets().catch(() => {});

    await redis.restart();
    await expect.poll(() => lines.some((line) => /Redis is back/.test(line)), { timeout: 10_000 }).toBe(true);
    const heard = nextEvent(remote, 'chat');
    const speaking = setInterval(() => ann.emit('room', { room: 'lobby', event: 'chat', message: 'again' }), 50);
    await heard;
    clearInterval(speaking);
    expect(lines.filter((line) => /cannot be reached/.test(line))).toHaveLength(1);
  });

  test.each(['pubsub', 'sharded', 'streams'] as const)('by %s: local clients can be disconnected', async (fanout) => {
    const redis = await startRedis();
    const one = await nodesWith({ redisAdapter: { port: redis.port, fanout } })('one');
    const ann = await connectTo(one, 'ann');
    await redis.kill();
    const gone = nextEvent(ann, 'disconnect');
    one.push.disconnectUser('ann');
    expect(await gone).toBe('io server disconnect');
  });

  test.each(['sharded', 'streams'] as const)(
    'by %s: local clients still hear what is said to all, nothing ends the process, and remote ones come back',
    async (fanout) => {
      const redis = await startRedis();
      const start = nodesWith({ redisAdapter: { port: redis.port, fanout } });
      const [one, two] = [await start('one'), await start('two')];
      const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob')];
      await redis.kill();
      const local = nextEvent(ann, 'all');
      one.push.toAll('all', 'meanwhile');
      expect(await local).toBe('meanwhile');
      await redis.restart();
      // What was sent meanwhile may still come first.
      const remote = new Promise<void>((resolve) => {
        bob.on('all', (message) => {
          if (message === 'again') resolve();
        });
      });
      const speaking = setInterval(() => one.push.toAll('all', 'again'), 50);
      await remote;
      clearInterval(speaking);
    },
  );

  test('absent at the start: the push-server starts and serves, and joins when Redis comes', async () => {
    const redis = await startRedis();
    await redis.kill();
    const start = nodesWith({ redisAdapter: { port: redis.port } });
    const { lines, logger } = remember();
    const [one, two] = await Promise.all([start('one', logger), start('two')]);
    const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob')];
    expect(lines.filter((line) => /cannot be reached/.test(line))).toHaveLength(1);
    await redis.restart();
    const heard = nextEvent(bob, 'news');
    const speaking = setInterval(() => one.push.toUser('bob', 'news', 1), 50);
    await heard;
    clearInterval(speaking);
    expect(ann.connected).toBe(true);
  });
});
