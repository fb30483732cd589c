import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { UrlTarget } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { readMetrics, readTargets, untilMetric, untilState, withAdmin } from '../support/admin.ts';
import { startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startEchoTarget, startRawTarget, startTarget } from '../support/target.ts';
import { startLinked } from '../support/url-target.ts';

const eager = { failures: 1, ejectMs: 3_600_000, maxEjectMs: 3_600_000 };

interface Place {
  readonly ip: string;
  readonly port: number;
}

/** An agent with two targets. The second gets no clients as long as the first is healthy. */
async function startWith(target: Place | UrlTarget, timeoutMs = 100) {
  const other = await startTarget();
  const agent = await startTestAgent(
    {
      agent: ({ query }) => query.as ?? 'ann',
      router: {
        default: [
          { ...target, weight: 1_000_000 },
          { ip: other.ip, port: other.port, weight: 1e-6 },
        ],
      },
    },
    {
      ...withAdmin,
      agent: { answerTimeoutMs: timeoutMs, handshakeTimeoutMs: timeoutMs },
      health: { ...eager, checkTimeoutMs: timeoutMs },
      routing: { maxMoves: 0 },
    },
  );
  return { agent, other };
}

type Attack = (port: number) => Promise<unknown>;

const post = 'POST /upload HTTP/1.1\r\nHost: a\r\n';

/** What a client can do to a target that is well, each as often as it likes. */
const attacks: readonly (readonly [string, Attack])[] = [
  [
    'sends half a body and stops',
    async (port) => (await openRaw(port, `${post}Content-Length: 100\r\n\r\nhalf`)).closed(),
  ],
  ['sends no body', async (port) => (await openRaw(port, `${post}Content-Length: 100\r\n\r\n`)).closed()],
  [
    'stops in the midst of chunks',
    async (port) => (await openRaw(port, `${post}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`)).closed(),
  ],
  [
    'asks for what takes long',
    async (port) => (await openRaw(port, 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')).until(/ 504 /),
  ],
  [
    'asks for what makes the target close',
    async (port) => (await openRaw(port, 'GET /close HTTP/1.1\r\nHost: a\r\n\r\n')).until(/ 50[24] /),
  ],
  [
    'asks for what makes the target reset',
    async (port) =>
      (await openRaw(port, 'PUT /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')).until(/ 50[24] /),
  ],
  [
    'asks for what makes the target talk nonsense',
    async (port) => (await openRaw(port, 'GET /nonsense HTTP/1.1\r\nHost: a\r\n\r\n')).until(/ 50[24] /),
  ],
  [
    'asks for half a head',
    async (port) => (await openRaw(port, 'GET /half HTTP/1.1\r\nHost: a\r\n\r\n')).until(/ 50[24] /),
  ],
  ['shakes hands where the target closes', async (port) => (await openRaw(port, handshakeBytes('/close'))).closed()],
  ['shakes hands where the target resets', async (port) => (await openRaw(port, handshakeBytes('/reset'))).closed()],
  [
    'shakes hands where the target keeps silent',
    async (port) => (await openRaw(port, handshakeBytes('/slow'))).closed(),
  ],
  [
    'shakes hands where the target talks nonsense',
    async (port) => (await openRaw(port, handshakeBytes('/nonsense'))).closed(),
  ],
  [
    'sends headers that the target finds too large',
    async (port) =>
      (await openRaw(port, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(16_280)}\r\n\r\n`)).until(
        /HTTP\/1\.1 [45]\d\d /,
      ),
  ],
  [
    'expects what nobody knows',
    async (port) => (await openRaw(port, `${post}Expect: wonders\r\nContent-Length: 1\r\n\r\nx`)).until(/ 417 /),
  ],
  [
    'uploads what the target does not read',
    async (port) => {
      const raw = await openRaw(port, `${post.replace('/upload', '/slow')}Content-Length: 99999999\r\n\r\n`);
      raw.socket.write(Buffer.alloc(20_000_000));
      // If the buffers of the system hold all that is sent, it is the client that stops.
      await raw.until(/ (408|50\d) /);
      raw.socket.destroy();
    },
  ],
  [
    'resets in the midst of a body',
    async (port) => {
      const raw = await openRaw(port, `${post}Content-Length: 100\r\n\r\nhalf`);
      raw.socket.resetAndDestroy();
    },
  ],
];

/** Does as the path of a request says. */
const obey: RequestListener = (request, response) => {
  const { socket } = request;
  if (request.url?.startsWith('/close')) socket.destroy();
  else if (request.url?.startsWith('/reset')) reset(socket);
  else if (request.url?.startsWith('/nonsense')) socket.end('nonsense\r\n\r\n');
  else if (request.url?.startsWith('/half')) socket.end('HTTP/1.1 200 OK\r\nx: y');
  else if (!request.url?.startsWith('/slow')) request.resume().on('end', () => response.end('well'));
};

/** The same for an upgrade. */
function obeyUpgrade({ url }: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  if (url?.startsWith('/close')) socket.destroy();
  else if (url?.startsWith('/reset')) reset(socket as Socket);
  else if (url?.startsWith('/nonsense')) socket.end('nonsense\r\n\r\n');
}

/** Resets a connection; of one over TLS the connection below. */
function reset(socket: Socket): void {
  const { _parent: below } = socket as Socket & { readonly _parent?: Socket };
  (below ?? socket).resetAndDestroy();
}

/** A target that is well, and does as its path says. */
async function startObeying() {
  const target = await startTarget(obey);
  target.server.on('upgrade', obeyUpgrade);
  return target;
}

/** The same over TLS. */
async function startObeyingTls(): Promise<UrlTarget & Place> {
  const { target, server } = await startLinked('https', obey);
  // Its echo of WebSocket messages.
  server.removeAllListeners('upgrade').on('upgrade', obeyUpgrade);
  return { ...target, ip: 'localhost', port: Number(new URL(target.url).port) };
}

/** What `ws` suggests for several servers on one port: other requests get no answer, other paths are cut. */
async function startUpgradesOnly() {
  const server = createServer().on('upgrade', (_request, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ip: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

test.each(attacks)('a client that %s does not get a target left out that is well', async (_name, attack) => {
  const target = await startObeying();
  const { agent } = await startWith(target);
  for (let time = 0; time < 3; time++) await attack(agent.port);
  // A probe that continues is heard of by its end.
  await expect.poll(async () => (await readTargets(agent)).get(target.port)?.state ?? 'up').toBe('up');
  // The other one serves while more requests than its share are on their way to this one.
  await expect.poll(async () => (await send(agent.url)).body).toBe('well');
  expect([...(await readMetrics(agent)).keys()].filter((name) => name.startsWith('target_ejections'))).toEqual([]);
});

test('nor does any of them get a target of TLS left out', async () => {
  const target = await startObeyingTls();
  const { ip: _ip, port, ...place } = target;
  // One after the other: bounded load would send some of them to the other target.
  const { agent } = await startWith(place, 1_000);
  for (const [, attack] of attacks) await attack(agent.port);
  await expect.poll(async () => (await readTargets(agent)).get(port)?.state ?? 'up').toBe('up');
  // The other one serves while more requests than its share are on their way to this one.
  await expect.poll(async () => (await send(agent.url)).body).toBe('well');
  expect([...(await readMetrics(agent)).keys()].filter((name) => name.startsWith('target_ejections'))).toEqual([]);
});

test('nor one that serves upgrades only, and leaves other requests without an answer', async () => {
  const target = await startUpgradesOnly();
  const { agent } = await startWith(target);
  for (let time = 0; time < 4; time++) await (await openRaw(agent.port, handshakeBytes('/elsewhere'))).closed();
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect((await readTargets(agent)).get(target.port)?.state).toBe('up');
});

test('a slow sender is told that its request took too long, however it goes on, and its connection ends', async () => {
  const target = await startObeying();
  const { agent } = await startWith(target);
  const raw = await openRaw(agent.port, `${post}Content-Length: 100\r\n\r\nhalf`);
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 408 [\s\S]*connection: close\r\n[\s\S]*request_timeout/i);
  await untilMetric(agent, 'failures_total{code="request_timeout"}', 1);
});

test('an upload that pauses for less than the timeout, several times, arrives', async () => {
  const { agent } = await startWith(await startObeying(), 1_500);
  const raw = await openRaw(agent.port, `${post}Content-Length: 4\r\n\r\n`);
  for (const byte of 'body') {
    await new Promise((resolve) => setTimeout(resolve, 450));
    raw.socket.write(byte);
  }
  expect(await raw.until(/^HTTP\/1\.1 (\d+)/)).toMatchObject({ 1: '200' });
});

test.each([
  ['hangs', () => startRawTarget(() => {}), 'target_silent'],
  ['accepts and closes at once', () => startRawTarget((socket) => socket.destroy()), 'target_reset'],
  [
    'accepts and resets',
    () => startRawTarget((socket) => socket.once('data', () => socket.resetAndDestroy())),
    'target_reset',
  ],
])('one failure suffices for a target that %s to be left out', async (_name, start, code) => {
  const target = await start();
  const { agent } = await startWith(target, 1_000);
  expect(codeOf(await send(agent.url))).toBe(code);
  await untilState(agent, target.port, 'ejected');
  expect((await send(agent.url)).status).toBe(200);
});

test('a client that goes on and on has a target asked about once a second at most', async () => {
  let probes = 0;
  const target = await startEchoTarget();
  target.server.removeAllListeners('request').on('request', (request, response) => {
    if (request.method === 'OPTIONS') probes++;
    if (request.method === 'OPTIONS') response.end();
    else request.socket.destroy();
  });
  const { agent } = await startWith(target);
  const began = performance.now();
  for (let time = 0; time < 40; time++) await send(agent.url, { method: 'POST' });
  const seconds = (performance.now() - began) / 1_000;
  expect(probes).toBeGreaterThan(0);
  expect(probes).toBeLessThan(4 + seconds);
});

test('a client that leaves, or waits in vain, while its handshake is unanswered has no connection of the target reset', async () => {
  const ends: string[] = [];
  const target = await startRawTarget((socket) => {
    socket.on('error', ({ code }: NodeJS.ErrnoException) => ends.push(String(code)));
    socket.once('end', () => ends.push('end')).resume();
  });
  const { agent } = await startWith(target, 300);
  const leaving = await openRaw(agent.port, handshakeBytes('/'));
  await expect.poll(async () => (await readTargets(agent)).get(target.port)?.tunnels).toBe(1);
  leaving.socket.resetAndDestroy();
  await expect.poll(() => ends).toEqual(['end']);
  await (await openRaw(agent.port, handshakeBytes('/'))).closed();
  expect(ends).toEqual(['end', 'end']);
});

test('that this agent has no ports left for a target is not blamed on the target', async () => {
  // The address of a network for documentation cannot be one of ours: connecting from it is refused by this machine.
  const socket = connect({ host: '127.0.0.1', port: 1, localAddress: '192.0.2.1' });
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
  expect(error.code).toBe('EADDRNOTAVAIL');
  const { connectFailure } = await import('../../src/target/connect-failure.ts');
  const { createTarget } = await import('@gopush/contract');
  expect(connectFailure(createTarget('127.0.0.1', 1), error)).toMatchObject({ failure: { code: 'overloaded' } });
});
