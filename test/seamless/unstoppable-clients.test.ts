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
async function openHalfPost(url: string): Promise<void> {
  const path = '/socket.io/?EIO=4&transport=polling&user=polling';
  const [, sid] = /"sid":"([^"]+)"/.exec(await (await fetch(`${url}${path}`)).text()) ?? [];
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(`POST ${path}&sid=${sid} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n42["half`);
}

/** A peer that looks like an agent to a push-server, and never reports that a client is stopped. */
async function openBySilentAgent(url: string): Promise<void> {
  const headers = { 'x-gopush-can-resume': '1', 'x-gopush-uid': 'silent', 'x-gopush-product': 'default' };
  const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, { headers });
  onTestFinished(() => socket.terminate());
  await new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      if (String(data).startsWith('0{')) socket.send('40');
      else resolve();
    });
  });
}

const setUp = ({ io }: PushServer): void => {
  io.on('connection', (socket) => {
    socket.on('never', () => {});
    socket.on('flood', () => {
      for (let count = 0; count < 120; count++) socket.emit('much', 'x'.repeat(65_536));
    });
  });
};

test.each([
  ['embedded store', 12, 60],
  ['Redis', 4, 30],
])('clients that cannot be stopped keep nobody else from moving: %s', async (kind, ofEach, users) => {
  const nodes = await startNodes(kind);
  const settings = { drainMs: 4_000, answerMs: 500, limits: { sendQueueBytes: 50_000_000 } };
  const start = async (atEnd = async () => {}) => {
    const server = await nodes.start(settings, { setup: () => atEnd }, admin);
    setUp(server);
    return server;
  };
  let counts = '';
  // When the sessions have left, and while the admin listener is still there.
  const old = await start(async () => {
    counts = (await readAdmin(old, '/metrics')).text;
  });
  let live = [old];
  const { agent, moves, fallbacks } = await startCountingAgent(
    {},
    { router: { default: () => live.map(({ port }) => ({ ip: '127.0.0.1', port })) } },
  );
  const oddClients = await Promise.all(
    Object.keys(odd).flatMap((kind) =>
      Array.from({ length: kind === 'that does not read' ? ofEach / 4 : ofEach }, async (_, index) => {
        const client = await openOddClient(agent.url, `odd-${kind.replaceAll(' ', '-')}-${index}`);
        odd[kind]?.(client);
        return { kind, ...client };
      }),
    ),
  );
  await Promise.all([openHalfPost(agent.url), openBySilentAgent(old.url)]);
  const { clients, cuts } = await connectMany(agent.url, users, 'user');
  live = [await start()];
  const began = performance.now();
  const closing = old.close();
  await expect
    .poll(() => moves().filter(({ uid }) => /^user/.test(String(uid))).length, { timeout: 20_000 })
    .toBe(users);
  // No client had to wait until the odd ones were given up. Clients that were handed over are stopped within a frame at once.
  const order = moves().map(({ uid }) => String(uid));
  const last = order.findLastIndex((uid) => uid.startsWith('user'));
  if (!handsOver) expect(order.slice(0, last).filter((uid) => uid.includes('within-a-frame'))).toEqual([]);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect(cuts).toEqual([]);
  await closing;
  expect(performance.now() - began).toBeLessThan(8_000);
  // What they had begun continues elsewhere as well, if it can be sent again.
  await expect.poll(fallbacks).toEqual(handsOver ? [] : Array.from({ length: ofEach }, () => 'event too large'));
  const cut = oddClients.filter(({ isClosed }) => isClosed() !== undefined).map(({ kind }) => kind);
  expect(new Set(cut)).toEqual(new Set([handsOver ? 'whose attachments never come' : 'within a large upload']));
  await expect
    .poll(() => moves().filter(({ uid }) => /within-a-frame/.test(String(uid))).length, { timeout: 10_000 })
    .toBe(ofEach);
  const notStopped = ['mid-event', 'silent'].map((cause) =>
    Number(new RegExp(`sessions_not_stopped_total\\{cause="${cause}"\\} (\\d+)`).exec(counts)?.[1]),
  );
  expect(notStopped).toEqual(handsOver ? [ofEach, 1] : [2 * ofEach, ofEach / 4 + 1]);
});

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
