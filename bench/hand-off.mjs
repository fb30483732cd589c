// What handing over costs: memory of a giver for each connection, and connect, upgrade, end a second, giver and taker pinned to one core. CPU time is
// what a busy machine distorts least.
// node bench/hand-off.mjs [connections]
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGivers, openTaker } from '@gopush/hand-off';
import { WebSocketServer } from 'ws';

const [role, ...args] = process.argv.slice(2);
const port = 1;
const request =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

const roles = { taker: runTaker, giver: runGiver, clients: runClients };
if (roles[role] === undefined) await runBench(Number(role ?? 10_000));
else await roles[role](...args);

async function runTaker(dir, notes) {
  const server = createServer();
  new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false }).on('connection', () => {});
  await openTaker({
    dir,
    port,
    name: 'taker',
    notes: notes === 'notes',
    onConnection: ({ socket }) => server.emit('connection', socket),
    onCloseRequest: ({ socket }) => socket.end(),
    onGiver: () => {},
    onFault: (error) => console.error(error),
  });
  process.on('message', () => {
    global.gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    process.send({ rss, heap: heapUsed + external, cpu: cpuMicroseconds() });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
  await once(server, 'listening');
  process.send({ ready: server.address().port });
}

async function runGiver(dir) {
  const givers = await openGivers({
    dir,
    name: 'giver',
    events: {
      onEnd() {},
      onLeave() {},
      onOrphan() {},
      onDuplicate: () => false,
      onTaker: () => process.send({ ready: server.address().port }),
      onFault: (error) => console.error(error),
    },
  });
  const record = Buffer.alloc(400);
  const server = createServer();
  server.on('upgrade', async (incoming, client, early) => {
    const lines = [`GET ${incoming.url} HTTP/1.1`];
    const { rawHeaders } = incoming;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
    }
    client.on('error', () => {});
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
    const offered = await givers.to(port).offer({ client, kind: 'upgrade', head, record, timeoutMs: 10_000 });
    if (!offered.ok) client.destroy();
    else await offered.value.accept({ user: undefined, write: offered.value.head, early });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
  await once(server, 'listening');
  givers.want([port]);
  process.on('message', () => {
    global.gc();
    global.gc();
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    process.send({ size: givers.size, rss, heap: heapUsed + external + arrayBuffers, cpu: cpuMicroseconds() });
  });
}

/** Connects, 32 at a time; keeps the connections, or ends each when it is upgraded. */
async function runClients(target, count, how) {
  let left = Number(count);
  const startedAt = performance.now();
  const one = () =>
    new Promise((resolve) => {
      const socket = connect(Number(target), '127.0.0.1');
      socket.write(request);
      socket.on('error', () => {});
      socket.once('data', () => {
        if (how === 'end') socket.destroy();
        resolve();
      });
      socket.once('close', resolve);
    });
  const lane = async () => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  process.send({ seconds: (performance.now() - startedAt) / 1_000 });
}

/** CPU time of this process so far, which a busy machine changes little. */
function cpuMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function start(core, ...parameters) {
  const child = fork(import.meta.filename, parameters, { execArgv: ['--expose-gc'] });
  spawnSync('taskset', ['-a', '-p', '-c', String(core), String(child.pid)]);
  return child;
}

async function runBench(count) {
  const dir = mkdtempSync(join(tmpdir(), 'hand-off-'));
  const told = async (child) => (await once(child, 'message'))[0];
  const asked = (child) => {
    const answer = told(child);
    child.send('memory');
    return answer;
  };
  const clients = async (target, number, how) => {
    const child = start(1, 'clients', String(target), String(number), how);
    return { child, ...(await told(child)) };
  };
  const taker = start(0, 'taker', dir, 'notes');
  const { ready: direct } = await told(taker);
  const giver = start(0, 'giver', dir);
  const { ready } = await told(giver);
  // What is compiled and allocated once.
  for (const target of [ready, direct]) (await clients(target, 3_000, 'end')).child.kill();
  for (let round = 0; round < 3; round++) {
    for (const [name, target] of [
      ['server alone', direct],
      ['handed over', ready],
    ]) {
      const [giverBefore, takerBefore] = [await asked(giver), await asked(taker)];
      const { seconds, child } = await clients(target, 3_000, 'end');
      child.kill();
      const spent = [(await asked(giver)).cpu - giverBefore.cpu, (await asked(taker)).cpu - takerBefore.cpu];
      const [atGiver, atTaker] = spent.map((microseconds) => Math.round(microseconds / 3_000));
      const perCore = Math.round(1_000_000 / (atGiver + atTaker));
      console.log(
        `${name}: ${Math.round(3_000 / seconds)} upgrades a second; CPU ${atGiver} µs at the giver, ${atTaker} µs at the server: ${perCore} a second for a core`,
      );
    }
  }
  const before = { giver: await asked(giver), taker: await asked(taker) };
  const { child } = await clients(ready, count, 'keep');
  const after = { giver: await asked(giver), taker: await asked(taker) };
  const each = (side, what) => Math.round((after[side][what] - before[side][what]) / after.giver.size);
  console.log(
    `${after.giver.size} connections; bytes for each: giver heap ${each('giver', 'heap')}, rss ${each('giver', 'rss')}`,
  );
  console.log(`taker with ws: heap ${each('taker', 'heap')}, rss ${each('taker', 'rss')}`);
  for (const process of [child, giver, taker]) process.kill();
  rmSync(dir, { recursive: true });
}
