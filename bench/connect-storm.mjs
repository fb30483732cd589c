/**
 * Offers a gateway more new clients than it can take:
 * `node bench/connect-storm.mjs [--offered 50,100,200,500] [--seconds 10] [--giveUpMs 3000] [--workMs 5] [--tunnels 50] [--warmUp 3000] [--pin]`.
 *
 * One agent, one push-server and the clients, each a process. A client opens a WebSocket, asks for its Socket.IO session, is done when it has
 * it, and stays. One that is refused is counted and does not come back; one that waits for longer than `giveUpMs` leaves. `workMs` is what the
 * server hook of the push-server computes for each client, so that the clients are not the first to have too much to do. Meanwhile tunnels that
 * were there before are asked for an answer every 100 ms. All is done twice, with admission windows and without, by turns for each rate.
 * First `warmUp` clients come and go, 40 at a time: while its code is compiled, a process spends a fifth of its CPU time on that.
 * Prints how many clients a second were done, refused and gave up after the first three seconds, how many sessions a second the push-server
 * began for clients that were gone, how long clients waited that were done, and how long the old tunnels did. What counts is that `done` at
 * overload stays near its best. Clients that are refused take time of the same cores, so beside it stands how many are done for each second of
 * CPU time of agent and push-server: that is left of the best if clients have machines of their own. Clocks of a machine with other work
 * tell little: compare figures of one run. `--pin` gives the clients the first core and the other two the second.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const role = process.argv[2];
const isChild = role === 'server' || role === 'agent';
const { values } = parseArgs({
  args: isChild ? [] : process.argv.slice(2),
  options: {
    offered: { type: 'string', default: '50,100,200,500' },
    seconds: { type: 'string', default: '10' },
    giveUpMs: { type: 'string', default: '3000' },
    workMs: { type: 'string', default: '5' },
    tunnels: { type: 'string', default: '50' },
    warmUp: { type: 'string', default: '3000' },
    pin: { type: 'boolean', default: false },
  },
});
const giveUpMs = Number(values.giveUpMs);
const seconds = Number(values.seconds);
const warmUpSeconds = 3;
const script = new URL(import.meta.url).pathname;

if (isChild) await serve(role, JSON.parse(process.argv[3]));
else await main();

async function serve(tier, config) {
  const { startAgent } = await import('@gopush/agent');
  const { startPushServer } = await import('@gopush/push-server');
  const { targets, workMs, ...rest } = config;
  if (tier === 'agent') {
    const hooks = { agent: (request) => request.query.user, router: { default: targets } };
    process.send({ port: (await startAgent({ config: rest, hooks })).port });
    return;
  }
  const onConnect = () => {
    const end = performance.now() + workMs;
    while (performance.now() < end);
    return true;
  };
  const { port, io } = await startPushServer({ config: rest, hooks: { onConnect } });
  let forNobody = 0;
  const joined = new WeakSet();
  io.on('connection', ({ conn }) => joined.add(conn));
  io.engine.on('connection', (conn) => conn.once('close', () => joined.has(conn) || forNobody++));
  process.on('message', () => process.send({ forNobody }));
  process.send({ port });
}

async function main() {
  if (values.pin) execFileSync('taskset', ['-apc', '0', String(process.pid)], { stdio: 'ignore' });
  console.log(
    '| windows | offered/s | done/s | done per CPU-s | refused/s | gave up/s | for nobody/s | median, ms | old tunnels, p99 ms | cut |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const offered of values.offered.split(',').map(Number)) {
    for (const windows of [false, true]) {
      const figures = await measure(offered, windows);
      console.log(`| ${windows ? 'on' : 'off'} | ${offered} | ${figures.join(' | ')} |`);
    }
  }
  process.exit();
}

async function measure(offered, windows) {
  const dir = mkdtempSync(join(tmpdir(), 'gopush-storm-'));
  const children = [];
  const start = async (tier, config) => {
    const child = fork(script, [tier, JSON.stringify({ ...config, log: { requests: false } })]);
    if (values.pin) execFileSync('taskset', ['-apc', '1', String(child.pid)], { stdio: 'ignore' });
    children.push(child);
    const [{ port }] = await once(child, 'message');
    return { child, port };
  };
  const off = (name) => (windows ? {} : { limits: { [name]: 0 } });
  const pushServer = { fanoutDir: dir, storeDir: join(dir, 'store'), ...off('beginDelayMs') };
  const server = await start('server', { serverPortStart: 0, pushServer, workMs: Number(values.workMs) });
  const targets = [{ ip: '127.0.0.1', port: server.port }];
  const { port } = await start('agent', { agentPort: 0, targets, ...off('eventLoopDelayMs') });
  await warmUp(port, Number(values.warmUp));
  const old = await Promise.all(
    Array.from({ length: Number(values.tunnels) }, (_, index) => openTunnel(port, `old${index}`)),
  );
  const figures = await storm(port, server.child, offered, old, () =>
    children.map(({ pid }) => cpuSeconds(pid)).reduce((a, b) => a + b),
  );
  for (const child of children) child.kill('SIGKILL');
  for (const tunnel of old) tunnel.close();
  rmSync(dir, { recursive: true, force: true });
  return figures;
}

/** Has clients come and go, each when another one has gone. */
async function warmUp(port, count) {
  let left = count;
  const comeAndGo = async () => {
    while (left-- > 0) {
      await new Promise((resolve) => {
        const client = joinOnce(port, `warm${left}`, () => {
          client.destroy();
          resolve();
        });
      });
    }
  };
  await Promise.all(Array.from({ length: 40 }, comeAndGo));
}

async function storm(port, server, offered, old, cpuOfAll) {
  const counts = { done: 0, refused: 0, gone: 0 };
  const times = [];
  const waits = [];
  const asking = setInterval(() => {
    for (const tunnel of old) tunnel.ask((ms) => waits.push(ms));
  }, 100);
  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1_000;
  const clients = [];
  const nobody = async () => {
    server.send('counts');
    const [{ forNobody }] = await once(server, 'message');
    return forNobody;
  };
  let cpuBefore;
  while (elapsed() < seconds) {
    if (elapsed() >= warmUpSeconds) cpuBefore ??= cpuOfAll();
    while (clients.length < elapsed() * offered) {
      const client = joinOnce(port, `u${clients.length}`, ({ outcome, ms }) => {
        if (elapsed() < warmUpSeconds || elapsed() > seconds) return;
        counts[outcome]++;
        if (outcome === 'done') times.push(ms);
      });
      clients.push(client);
    }
    await delay(5);
  }
  const cpu = cpuOfAll() - cpuBefore;
  clearInterval(asking);
  const cut = old.filter((tunnel) => tunnel.isClosed()).length;
  await delay(giveUpMs);
  const forNobody = Math.round((await nobody()) / seconds);
  for (const client of clients) client.destroy();
  const rate = (count) => Math.round(count / (seconds - warmUpSeconds));
  const rates = [rate(counts.done), Math.round(counts.done / cpu), rate(counts.refused), rate(counts.gone), forNobody];
  return [...rates, quantile(times, 0.5), quantile(waits, 0.99), cut];
}

/** CPU time of a process so far, in seconds (proc(5): utime and stime, in hundredths). */
function cpuSeconds(pid) {
  const [utime, stime] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ').slice(11, 13);
  return (Number(utime) + Number(stime)) / 100;
}

function quantile(list, share) {
  const sorted = list.sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
}

function handshake(user) {
  return `GET /socket.io/?EIO=4&transport=websocket&user=${user} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
}

/** A text frame of a client, masked with zeros. */
function frame(text) {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

function joinOnce(port, user, onEnd) {
  const begunAt = performance.now();
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let hasEnded = false;
  const end = (outcome) => {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(timer);
    if (outcome !== 'done') socket.destroy();
    onEnd({ outcome, ms: performance.now() - begunAt });
  };
  const timer = setTimeout(() => end('gone'), giveUpMs);
  socket.on('error', () => {}).once('close', () => end('refused'));
  socket.once('connect', () => socket.write(handshake(user)));
  socket.on('data', (chunk) => {
    if (hasEnded) return;
    const before = text;
    text += chunk.toString('latin1');
    if (text.startsWith('HTTP/1.1 5') || text.startsWith('HTTP/1.1 4')) end('refused');
    else if (!before.includes('0{"sid"') && text.includes('0{"sid"')) socket.write(frame('40'));
    else if (text.includes('40{"sid"')) end('done');
  });
  return socket;
}

async function openTunnel(port, user) {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let askedAt = 0;
  let onAnswer = () => {};
  await new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('40{"sid"')) resolve();
      if (askedAt > 0 && chunk.includes('43')) {
        onAnswer(performance.now() - askedAt);
        askedAt = 0;
        text = '';
      }
    });
    socket.once('connect', () => socket.write(handshake(user)));
    const opening = setInterval(() => {
      if (!text.includes('0{"sid"')) return;
      clearInterval(opening);
      socket.write(frame('40'));
    }, 10);
  });
  return {
    isClosed: () => socket.destroyed,
    close: () => socket.destroy(),
    ask(told) {
      if (askedAt > 0) return;
      askedAt = performance.now();
      onAnswer = told;
      socket.write(frame('421["go:leave","never"]'));
    },
  };
}
