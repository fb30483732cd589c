import { connect } from 'node:net';
import type { PushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { startCountingAgent } from '../support/counting-agent.ts';
import { handsOver } from '../support/hands-over.ts';
import { connectMany, roomCountsOf } from '../support/many-clients.ts';
import { admin, readAdmin } from '../support/metrics.ts';
import { startNodes } from '../support/nodes.ts';
import { openOddClient } from '../support/odd-client.ts';

type OddClient = Awaited<ReturnType<typeof openOddClient>>;

const odd: Record<string, (client: OddClient) => void> = {
  'within a frame': ({ raw }) => void raw.write(Buffer.from([0x81, 0xfe, 0x01])),
  'whose attachments never come': ({ socket }) => socket.send('451-["x",{"_placeholder":true,"num":0}]'),
  'within a message of several frames': ({ socket }) => socket.send('42["x', { fin: false }),
  'within a large upload': ({ raw }) => {
    // A frame of 512 KiB, of which 100 kB come.
    raw.write(Buffer.concat([Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x08, 0, 0, 0, 0, 0, 0]), Buffer.alloc(100_000)]));
  },
  'whose handlers never answer': ({ socket }) => socket.send('420["never"]'),
  'that does not read': ({ socket, raw }) => {
    socket.send('42["flood"]');
    raw.pause();
  },
};

/** A client of long-polling that has sent half of a POST. */
async function openHalfPost(url: string): Promise<() => void> {
  const path = '/socket.io/?EIO=4&transport=polling&user=polling';
  const [, sid] = /"sid":"([^"]+)"/.exec(await (await fetch(`${url}${path}`)).text()) ?? [];
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(`POST ${path}&sid=${sid} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n42["half`);
  return () => void socket.destroy();
}

/** A peer that looks like an agent to a push-server, and never reports that a client is stopped. */
async function openBySilentAgent(url: string): Promise<() => void> {
  const headers = { 'x-gopush-can-resume': '1', 'x-gopush-uid': 'silent', 'x-gopush-product': 'default' };
  const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, { headers });
  onTestFinished(() => socket.terminate());
  await new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      if (String(data).startsWith('0{')) socket.send('40');
      else resolve();
    });
  });
  return () => socket.terminate();
}

const setUp = ({ io }: PushServer): void => {
  io.on('connection', (socket) => {
    socket.on('never', () => {});
    socket.on('flood', () => {
      for (let count = 0; count < 120; count++) socket.emit('much', 'x'.repeat(65_536));
    });
  });
};

/** A push-server with clients that cannot be stopped, and another one to which its clients move once it closes. */
async function startWithOddClients(kind: string, countOf: (odd: string) => number, drainMs: number) {
  const nodes = await startNodes(kind);
  const settings = { drainMs, answerMs: 500, limits: { sendQueueBytes: 50_000_000 } };
  const start = async (atEnd = async () => {}) => {
    const server = await nodes.start(settings, { setup: () => atEnd }, admin);
    setUp(server);
    return server;
  };
  let metrics = '';
  // When the sessions have left, and while the admin listener is still there.
  const old = await start(async () => {
    metrics = (await readAdmin(old, '/metrics')).text;
  });
  let live = [old];
  const { agent, moves, fallbacks } = await startCountingAgent(
    {},
    { router: { default: () => live.map(({ port }) => ({ ip: '127.0.0.1', port })) } },
  );
  const oddClients = await Promise.all(
    Object.keys(odd).flatMap((kind) =>
      Array.from({ length: countOf(kind) }, async (_, index) => {
        const client = await openOddClient(agent.url, `odd-${kind.replaceAll(' ', '-')}-${index}`);
        odd[kind]?.(client);
        return { kind, ...client };
      }),
    ),
  );
  const others = await Promise.all([openHalfPost(agent.url), openBySilentAgent(old.url)]);
  return {
    agent,
    oddClients,
    movesOf: (uid: RegExp) => moves().filter((move) => uid.test(String(move.uid))).length,
    fallbacks,
    metrics: () => metrics,
    async close() {
      live = [await start()];
      return old.close();
    },
    leave() {
      for (const { socket } of oddClients) socket.terminate();
      for (const leave of others) leave();
    },
  };
}

test.each([
  ['embedded store', 12, 60],
  ['Redis', 4, 30],
])('clients that cannot be stopped keep nobody else from moving: %s', async (kind, ofEach, users) => {
  const counts: Record<string, number> = { 'within a frame': 80, 'that does not read': ofEach / 4 };
  // Others leave within seconds, even if the machine is busy. They would not if each of these 80 occupied one of eight slots for two seconds.
  const { agent, movesOf, close, leave } = await startWithOddClients(kind, (odd) => counts[odd] ?? ofEach, 15_000);
  const { clients, cuts } = await connectMany(agent.url, users, 'user');
  const closing = close();
  await expect.poll(() => movesOf(/^user/), { timeout: 40_000 }).toBe(users);
  // No client had to wait until the odd ones were given up. Clients that were handed over are stopped within a frame at once.
  if (!handsOver) expect(movesOf(/within-a-frame/)).toBe(0);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect(cuts).toEqual([]);
  leave();
  await closing;
});

test.each(['embedded store', 'Redis'])(
  'what clients that cannot be stopped had begun continues elsewhere: %s',
  async (kind) => {
    const ofEach = 4;
    const countOf = (odd: string) => (odd === 'that does not read' ? 1 : ofEach);
    const { oddClients, movesOf, fallbacks, metrics, close } = await startWithOddClients(kind, countOf, 3_000);
    await close();
    // Where it cannot be sent again, the client is cut.
    await expect.poll(fallbacks).toEqual(handsOver ? [] : Array.from({ length: ofEach }, () => 'event too large'));
    const cut = oddClients.filter(({ isClosed }) => isClosed() !== undefined).map(({ kind }) => kind);
    expect(new Set(cut)).toEqual(new Set([handsOver ? 'whose attachments never come' : 'within a large upload']));
    await expect.poll(() => movesOf(/within-a-frame/)).toBe(ofEach);
    const notStopped = ['mid-event', 'silent'].map((cause) =>
      Number(new RegExp(`sessions_not_stopped_total\\{cause="${cause}"\\} (\\d+)`).exec(metrics())?.[1]),
    );
    expect(notStopped).toEqual(handsOver ? [ofEach, 1] : [2 * ofEach, 2]);
  },
);

test('an upload that ends while others move is answered, and its session moves', async () => {
  const nodes = await startNodes('embedded store');
  const start = async () => {
    const server = await nodes.start({ drainMs: 5_000 });
    server.io.on('connection', (socket) => {
      socket.on('upload', (text: string, done: (length: number) => void) => done(text.length));
    });
    return server;
  };
  const old = await start();
  let live = old;
  const { agent, moves, fallbacks } = await startCountingAgent(
    {},
    { router: { default: () => [{ ip: '127.0.0.1', port: live.port }] } },
  );
  const { socket, raw, isClosed } = await openOddClient(agent.url, 'uploader');
  const answer = new Promise((resolve) => {
    socket.on('message', (data) => {
      if (String(data).startsWith('43')) resolve(String(data));
    });
  });
  const text = Buffer.from(`420["upload","${'x'.repeat(300_000)}"]`);
  const header = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(text.length, 6);
  raw.write(Buffer.concat([header, text.subarray(0, 150_000)]));
  live = await start();
  const closing = old.close();
  const { cuts } = await connectMany(agent.url, 1, 'late');
  await new Promise((resolve) => setTimeout(resolve, 300));
  raw.write(text.subarray(150_000));
  expect(await answer).toBe('430[300000]');
  await expect.poll(() => moves().map(({ uid }) => uid)).toEqual(['uploader']);
  await closing;
  expect([isClosed(), cuts, fallbacks()]).toEqual([undefined, [], []]);
});
