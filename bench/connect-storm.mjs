/**
 * Offers a gateway more new clients than it can take: `node bench/connect-storm.mjs [--offered 300,600,1200,2400] [--seconds 6] [--servers 1] [--tunnels 200]`.
 *
 * One agent, some push-servers and the clients, each a process. A client opens a WebSocket, asks for its Socket.IO session, is done when it has it,
 * and leaves. One that is refused is counted and does not come back; one that waits for more than five seconds has given up. Meanwhile some
 * tunnels that were there before are asked for an answer every 100 ms. Prints, for each rate offered, how many clients a second were done,
 * refused and gave up, how long those that were done took, and how long the old tunnels waited. What counts is that `done` at overload
 * stays near its best. Clocks of a machine with other work tell little: compare figures of one run.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
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
    offered: { type: 'string', default: '300,600,1200,2400' },
    seconds: { type: 'string', default: '6' },
    servers: { type: 'string', default: '1' },
    tunnels: { type: 'string', default: '200' },
    delayMs: { type: 'string', default: '1000' },
  },
});
const giveUpMs = 5_000;
const script = new URL(import.meta.url).pathname;
const eventLoopDelayMs = Number(values.delayMs);

if (isChild) await serve(role, JSON.parse(process.argv[3]));
else await main();

async function serve(tier, config) {
  const { startAgent } = await import('@gopush/agent');
  const { startPushServer } = await import('@gopush/push-server');
  const { targets, ...rest } = config;
  const started =
    tier === 'server'
      ? await startPushServer({ config: rest })
      : await startAgent({
          config: rest,
          hooks: { agent: (request) => request.query.user, router: { default: targets } },
        });
  process.send({ port: started.port });
}

async function main() {
  const dir = mkdtempSync(join(tmpdir(), 'gopush-storm-'));
  const children = [];
  const start = async (tier, config) => {
    const child = fork(script, [tier, JSON.stringify(config)]);
    children.push(child);
    const [{ port }] = await once(child, 'message');
    return port;
  };
  const quiet = { log: { requests: false } };
  const ports = [];
  for (let index = 0; index < Number(values.servers); index++) {
    const pushServer = { fanoutDir: dir, storeDir: join(dir, 'store'), limits: { eventLoopDelayMs } };
    ports.push(await start('server', { serverPortStart: 0, pushServer, ...quiet }));
  }
  const targets = [{ ip: '127.0.0.1', ports }];
  const port = await start('agent', { agentPort: 0, targets, limits: { eventLoopDelayMs }, ...quiet });
  const old = await Promise.all(
    Array.from({ length: Number(values.tunnels) }, (_, index) => openTunnel(port, `old${index}`)),
  );
  console.log('| offered/s | done/s | refused/s | gave up/s | done in, median ms | old tunnels, p99 ms | cut |');
  console.log('|---|---|---|---|---|---|---|');
  for (const offered of values.offered.split(',').map(Number)) {
    const figures = await storm(port, offered, Number(values.seconds), old);
    console.log(`| ${offered} | ${figures.join(' | ')} |`);
    await delay(1_000);
  }
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
  process.exit();
}

async function storm(port, offered, seconds, old) {
  const counts = { done: 0, refused: 0, gone: 0 };
  const times = [];
  const waits = [];
  const asking = setInterval(() => {
    for (const tunnel of old) tunnel.ask((ms) => waits.push(ms));
  }, 100);
  const startedAt = performance.now();
  let sent = 0;
  const pending = new Set();
  while (performance.now() - startedAt < seconds * 1_000) {
    const due = ((performance.now() - startedAt) / 1_000) * offered;
    for (; sent < due; sent++) {
      const client = joinOnce(port, `u${sent}`).then(({ outcome, ms }) => {
        counts[outcome]++;
        if (outcome === 'done') times.push(ms);
        pending.delete(client);
      });
      pending.add(client);
    }
    await delay(5);
  }
  const doneInTime = counts.done;
  clearInterval(asking);
  await Promise.all(pending);
  const rate = (count) => Math.round(count / seconds);
  const cut = old.filter((tunnel) => tunnel.isClosed()).length;
  return [rate(doneInTime), rate(counts.refused), rate(counts.gone), quantile(times, 0.5), quantile(waits, 0.99), cut];
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

function joinOnce(port, user) {
  return new Promise((resolve) => {
    const begunAt = performance.now();
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const end = (outcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ outcome, ms: performance.now() - begunAt });
    };
    const timer = setTimeout(() => end('gone'), giveUpMs);
    socket.on('error', () => {}).once('close', () => end('refused'));
    socket.once('connect', () => socket.write(handshake(user)));
    socket.on('data', (chunk) => {
      const before = text;
      text += chunk.toString('latin1');
      if (text.startsWith('HTTP/1.1 5') || text.startsWith('HTTP/1.1 4')) end('refused');
      else if (!before.includes('0{"sid"') && text.includes('0{"sid"')) socket.write(frame('40'));
      else if (text.includes('40{"sid"')) end('done');
    });
  });
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
    ask(told) {
      if (askedAt > 0) return;
      askedAt = performance.now();
      onAnswer = told;
      socket.write(frame('421["go:leave","never"]'));
    },
  };
}
