import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import type { Namespace } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

/** What ends with the file, last first. */
const ends: (() => unknown)[] = [];
let redisPort: number;
beforeAll(async () => {
  const cleanup = (work: () => Promise<void>) => void ends.push(work);
  ({ port: redisPort } = await startRedis([], undefined, cleanup));
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

async function configOf(fanout: string): Promise<ConfigInput> {
  if (fanout !== 'embedded') return { redisAdapter: { port: redisPort, fanout: fanout as 'pubsub', prefix: fanout } };
  const fanoutDir = await mkdtemp(join(tmpdir(), 'gopush-'));
  ends.push(() => rm(fanoutDir, { recursive: true, force: true }));
  return { pushServer: { fanoutDir } };
}

const idsOf = (sockets: readonly { readonly id?: string | undefined }[]) => sockets.map(({ id }) => id).sort();

/**
 * Emits an event that wants answers, and lets its time run out when this many have come.
 *
 * @returns the error and the answers, sorted
 */
function askUntil(namespace: Namespace, count: number): Promise<[Error | null, unknown[]]> {
  const ms = 60_000;
  const { adapter } = namespace;
  const { broadcastWithAck } = adapter;
  const { setTimeout } = globalThis;
  const ends: (() => void)[] = [];
  let came = 0;
  adapter.broadcastWithAck = (packet, options, counted, answered) =>
    broadcastWithAck.call(adapter, packet, options, counted, (...answer) => {
      answered(...answer);
      if (++came === count) for (const end of ends) end();
    });
  const hold = (end: () => void, after: number) => (after === ms ? ends.push(end) : setTimeout(end, after));
  globalThis.setTimeout = hold as typeof setTimeout;
  try {
    return new Promise((resolve) => {
      namespace
        .timeout(ms)
        .emit('ask', (error: Error | null, answers: unknown[]) => resolve([error, answers.toSorted()]));
    });
  } finally {
    globalThis.setTimeout = setTimeout;
    adapter.broadcastWithAck = broadcastWithAck;
  }
}

describe.each(['embedded', 'pubsub', 'sharded', 'streams'])('three push-servers over %s', (fanout) => {
  let config: ConfigInput;
  let servers: PushServer[];

  async function start(node: string): Promise<PushServer> {
    const server = await startPushServer({
      config: { serverPortStart: 0, ...config, pushServer: { drainMs: 100, graceMs: 0, ...config.pushServer } },
      node,
      logger: silentLogger,
      setup: (io) => {
        io.on('connection', (socket) => {
          socket.data.server = node;
        });
        io.of('/chat').on('connection', () => {});
      },
    });
    ends.push(() => server.close());
    return server;
  }

  beforeAll(async () => {
    config = await configOf(fanout);
    servers = [await start('one'), await start('two'), await start('three')];
  });

  const uids = ['ann', 'bob', 'cat'];

  /** A client of each push-server, all in a room of the test's own. */
  async function connectThree(namespace = '') {
    const clients = await Promise.all(
      servers.map(({ url }, at) => connectClient(`${url}${namespace}`, 'websocket', { query: { uid: uids[at] } })),
    );
    return clients as [Socket, Socket, Socket];
  }
  const io = (at: number, namespace = '/') => (servers[at] as PushServer).io.of(namespace);

  test.each(['/', '/chat'])('in %s each finds the sockets of all, with what is known of them', async (namespace) => {
    const clients = await connectThree(namespace === '/' ? '' : namespace);
    for (const at of [0, 1, 2]) {
      const found = await io(at, namespace).fetchSockets();
      expect(idsOf(found)).toEqual(idsOf(clients));
      for (const { id, rooms, handshake } of found) {
        expect(rooms.has(id)).toBe(true);
        expect(handshake.query.uid).toBe(uids[clients.findIndex((client) => client.id === id)]);
      }
      if (namespace !== '/') continue;
      expect(found.map(({ data }) => data.server).sort()).toEqual(['one', 'three', 'two']);
    }
    const [, bob] = clients;
    expect(
      idsOf(
        await io(0, namespace)
          .in(bob.id as string)
          .fetchSockets(),
      ),
    ).toEqual([bob.id]);
    expect(
      idsOf(
        await io(2, namespace)
          .except(bob.id as string)
          .fetchSockets(),
      ),
    ).toEqual(idsOf([clients[0], clients[2]]));
  });

  test.each(['/', '/chat'])('in %s the sockets of all enter rooms and leave them', async (namespace) => {
    const clients = await connectThree(namespace === '/' ? '' : namespace);
    const [ann, bob, cat] = clients;
    const inRoom = async (room: string) => idsOf(await io(2, namespace).in(room).fetchSockets());

    io(0, namespace).socketsJoin(['a', 'b']);
    await expect.poll(() => inRoom('b'), { interval: 10 }).toEqual(idsOf(clients));
    const heard = Promise.all(clients.map((client) => nextEvent(client, 'n')));
    io(1, namespace).to('a').emit('n', 1);
    expect(await heard).toEqual([1, 1, 1]);

    io(1, namespace)
      .in('a')
      .except(ann.id as string)
      .socketsLeave('a');
    await expect.poll(() => inRoom('a'), { interval: 10 }).toEqual([ann.id]);
    expect(await inRoom('b')).toEqual(idsOf(clients));

    io(0, namespace)
      .in([bob.id as string, cat.id as string])
      .socketsJoin('c');
    await expect.poll(() => inRoom('c'), { interval: 10 }).toEqual(idsOf([bob, cat]));
    // One that was fetched is a handle on a socket of another push-server.
    const [remote] = await io(0, namespace)
      .in(cat.id as string)
      .fetchSockets();
    remote?.leave('c');
    await expect.poll(() => inRoom('c'), { interval: 10 }).toEqual([bob.id]);
  });

  test('the sockets of all are disconnected, and others stay', async () => {
    const clients = await connectThree();
    const staying = await connectThree();
    const [ann, bob, cat] = clients;
    io(2)
      .in([ann.id, bob.id, cat.id] as string[])
      .socketsJoin('leaving');
    await expect.poll(async () => (await io(0).in('leaving').fetchSockets()).length, { interval: 10 }).toBe(3);
    const gone = Promise.all(clients.map((client) => nextEvent(client, 'disconnect')));
    io(1).in('leaving').disconnectSockets();
    expect(await gone).toEqual(Array(3).fill('io server disconnect'));
    await expect.poll(async () => idsOf(await io(0).fetchSockets()), { interval: 10 }).toEqual(idsOf(staying));

    const closed = Promise.all(staying.map(({ io: { engine } }) => new Promise((end) => engine.once('close', end))));
    io(0).disconnectSockets(true);
    await closed;
    await expect.poll(async () => (await io(1).fetchSockets()).length, { interval: 10 }).toBe(0);
  });

  test('an event has the answers of the clients of all, and no error', async () => {
    const clients = await connectThree();
    for (const [at, client] of clients.entries()) client.on('ask', (_, answer) => answer(at));
    for (const at of [0, 1, 2]) {
      expect((await io(at).timeout(5_000).emitWithAck('ask', Buffer.from('x'))).sort()).toEqual([0, 1, 2]);
    }
  });

  test.each(['leaves', 'is disconnected by the server', 'does not answer', 'is of a push-server that leaves'])(
    'where a client %s during an event that wants answers, there is an error with those of the others',
    async (what) => {
      const clients = await connectThree();
      const [, , cat] = clients;
      for (const [at, client] of clients.entries()) client.on('ask', (answer) => what !== '' && answer(at));
      const away = what === 'is of a push-server that leaves' ? await start('four') : undefined;
      const dan = await connectClient((away ?? (servers[2] as PushServer)).url, 'websocket', { query: { uid: 'dan' } });
      dan.on('ask', () => {
        if (what === 'leaves') dan.disconnect();
        if (what === 'is disconnected by the server')
          io(1)
            .in(dan.id as string)
            .disconnectSockets(true);
        void away?.close();
      });
      // Answers to an event of a moment ago are not taken for those of the next one.
      const late = nextEvent<(said: string) => void>(cat, 'slow');
      io(1)
        .timeout(1)
        .emit('slow', () => {});
      (await late)('late');

      expect(await askUntil(io(0), 3)).toEqual([expect.any(Error), [0, 1, 2]]);
      if (away !== undefined) return;
      if (what === 'does not answer') {
        expect(await askUntil(io(1), 3)).toEqual([expect.any(Error), [0, 1, 2]]);
        return;
      }
      const stay = idsOf(clients);
      await expect.poll(async () => idsOf(await io(1).fetchSockets()), { interval: 10 }).toEqual(stay);
      expect((await io(1).timeout(5_000).emitWithAck('ask')).toSorted()).toEqual([0, 1, 2]);
    },
  );
});
