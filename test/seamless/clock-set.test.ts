import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { acceptHandOffs } from 'gopush';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { type Process, settingsOf, startProcess } from '../chaos/processes.ts';
import { listen, makeFolder } from '../matrix/targets.ts';
import { connectClient } from '../support/socket-io.ts';

/*
 * The clock of a machine is set, by NTP or because it was suspended: what has lasted for some time has not lasted longer for that.
 */

/** Starts a process whose clock can be set. */
const settable = [
  'env',
  `NODE_OPTIONS=--import=${fileURLToPath(new URL('../programs/set-clock.mjs', import.meta.url))}`,
];

/** Sets the clock of a process: the first time forward by a day, the second time back by two. */
async function setClock(one: Process): Promise<void> {
  const count = (): number => one.lines.filter((line) => line === 'clock set').length;
  const before = count();
  one.kill('SIGUSR2');
  await expect.poll(count, { interval: 5 }).toBe(before + 1);
}

const limits = { tunnelIdleMs: 1_500, tunnelMaxAgeMs: 3_000 } as const;

/** How much later than its time a connection may be closed here, in milliseconds: limits are enforced once a second, on a busy machine later. */
const lateMs = 3_000;

interface Closing {
  readonly code: number;
  /** After how long, in milliseconds. */
  readonly ms: number;
}

/** Connects, and sends a message every so often, until it is closed. */
async function untilClosed(url: string, everyMs?: number): Promise<Closing> {
  const webSocket = new WebSocket(url);
  onTestFinished(() => webSocket.terminate());
  await once(webSocket, 'open');
  const begun = performance.now();
  const timer = everyMs === undefined ? undefined : setInterval(() => webSocket.send('hello'), everyMs);
  const [code] = (await once(webSocket, 'close')) as [number];
  clearInterval(timer);
  return { code, ms: performance.now() - begun };
}

function expectInTime({ code, ms }: Closing, expected: Closing): void {
  expect(code).toBe(expected.code);
  expect(ms).toBeGreaterThan(expected.ms - 100);
  expect(ms).toBeLessThan(expected.ms + lateMs);
}

/** An agent, whose clients are handed over or have tunnels. */
async function startAgent(handsOver: boolean) {
  const dir = await makeFolder();
  const server = createServer();
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (webSocket) => webSocket.on('message', () => webSocket.send('hello')));
  const handOffs = acceptHandOffs(server, { dir });
  const ports = [await listen(server)];
  const agentPort = await freePort();
  const handOff = { enabled: handsOver, dir };
  const settings = { agentPort, admin: null, agent: { host: '127.0.0.1', ...limits }, handOff };
  const agent = await startProcess('chaos-agent.mjs', [JSON.stringify(settings), JSON.stringify(ports)], settable);
  const areThere = () => [webSockets.clients.size, handOffs.size];
  return { agent, areThere, expected: [2, handsOver ? 2 : 0], url: `ws://127.0.0.1:${agentPort}/?user=ann` };
}

test('clients of an agent stay for as long as they may although its clock is set, handed over or not', async () => {
  const both = [true, false].map(async (handsOver) => {
    const { agent, areThere, expected, url } = await startAgent(handsOver);
    for (const _direction of ['forward', 'back']) {
      const quiet = untilClosed(url);
      const busy = untilClosed(url, 200);
      await expect.poll(areThere).toEqual(expected);
      await setClock(agent);
      expectInTime(await quiet, { code: 1001, ms: limits.tunnelIdleMs });
      expectInTime(await busy, { code: 1012, ms: limits.tunnelMaxAgeMs });
    }
  });
  await Promise.all(both);
});

test('a push-server that stops gives its sessions in its own time although the clock is set meanwhile', async () => {
  const folder = await makeFolder();
  const first = await freePort(3);
  const [agentPort, ...ports] = [first, first + 1, first + 2];
  const settings = settingsOf({
    pushServer: { fanoutDir: folder, storeDir: join(folder, 'store') },
    routing: { discover: false },
  });
  const start = (port: number) =>
    startProcess(
      'chaos-server.mjs',
      [JSON.stringify({ ...settings, serverPortStart: port }), `server-${port}`],
      settable,
    );
  const servers = await Promise.all(ports.map(start));
  const config = JSON.stringify({ ...settings, agentPort, agent: { host: '127.0.0.1' } });
  const agent = await startProcess('chaos-agent.mjs', [config, JSON.stringify(ports)]);
  const events: unknown[] = [];
  const users = Array.from({ length: 8 }, (_, index) => `user-${index}`);
  const clients = await Promise.all(
    users.map((user) => connectClient(`http://127.0.0.1:${agentPort}`, 'websocket', { query: { user } })),
  );
  for (const client of clients) client.on('disconnect', (reason) => events.push(reason));
  const stopping = servers[0] as Process;
  const half = users.length / 2;
  const answers = Promise.all(clients.slice(half).map((client) => client.timeout(15_000).emitWithAck('ask', 2_000)));
  // So they have arrived.
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'room')));
  stopping.kill('SIGTERM');
  // The others are given while these wait for their acks.
  await expect.poll(() => agent.lines.some((line) => line.includes('session migrated')), { interval: 5 }).toBe(true);
  await setClock(stopping);
  expect(await answers).toEqual(users.slice(half).map(() => 'answer'));
  await stopping.ended();
  // All are at the other one.
  await Promise.all(clients.map((client) => client.timeout(15_000).emitWithAck('ask', 0)));
  expect(events).toEqual([]);
});
