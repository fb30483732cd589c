/**
 * Measures what a client costs that comes back, with few and with many others there: `node bench/storm.mjs [--clients 100,2000,20000]
 * [--returning 500]`.
 *
 * So many clients come back with sessions that nobody knows, so that their push-server looks for each of them; then so many connections are
 * lost, in a room in which much was said; then sessions are refreshed. Each as CPU time of the push-server for one client, which should not
 * depend on how many there are; beside it, what a client costs that is new. What refreshing takes meanwhile is left out. `pause` is the
 * longest in which its event loop stood still while nothing came from outside. Clients are clipped to what descriptors allow.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '100,2000,20000' }, returning: { type: 'string', default: '500' } },
});
const returning = Number(values.returning);
const mayOpen = Number(/Max open files\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);
const work = mkdtempSync(join(tmpdir(), 'gopush-bench-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

process.stdout.write(
  '| clients | new, µs | unknown session, µs | lost connection, µs | refresh, µs | pause, ms |\n|---|---|---|---|---|---|\n',
);
for (const wanted of values.clients.split(',').map(Number)) {
  const count = Math.min(wanted, mayOpen - returning - 500);
  const { fresh, unknown, lost, refresh, pause } = await measure(count);
  process.stdout.write(
    `| ${count} | ${[fresh, unknown, lost, refresh].map((us) => us.toFixed(0)).join(' | ')} | ${pause.toFixed(0)} |\n`,
  );
}
process.exit();

async function measure(count) {
  const dir = join(work, String(count));
  const recoveryMs = 20_000;
  const config = {
    serverPortStart: 0,
    pushServer: {
      fanoutDir: dir,
      storeDir: join(dir, 'store'),
      recoveryMs,
      limits: { connections: 0, beginDelayMs: 0 },
    },
  };
  const server = await startServer(config);
  const all = await connectMany(server.url, count, () => '{}');
  await delay(1_000);
  await server.ask('used');
  // As long as one round of refreshing takes.
  await delay(recoveryMs / 2);
  const { us: refreshed, longest: pause } = await server.ask('used');
  const perMs = refreshed / (recoveryMs / 2);
  /** CPU time of some work for each of those that come and go, less what refreshing takes. */
  const timed = async (work) => {
    await server.ask('used');
    const startedAt = performance.now();
    await work();
    const { us } = await server.ask('used');
    return (us - perMs * (performance.now() - startedAt)) / returning;
  };

  const first = await connectMany(server.url, returning, () => '{}');
  for (const socket of first) socket.terminate();
  await delay(500);
  let back = [];
  const fresh = await timed(async () => {
    back = await connectMany(server.url, returning, () => '{}');
  });
  for (const socket of back) socket.terminate();
  await delay(1_000);
  const unknown = await timed(async () => {
    back = await connectMany(server.url, returning, () =>
      JSON.stringify({ pid: randomBytes(15).toString('base64url'), offset: 'a.1~' }),
    );
  });
  await server.ask('publish', { count: 5_000, room: 'room', keep: 'try' });
  await delay(500);
  const lost = await timed(async () => {
    for (const socket of back) socket.terminate();
    await delay(1_000);
  });
  for (const socket of all) socket.terminate();
  await server.stop();
  return { fresh, unknown, lost, refresh: refreshed / count, pause };
}

async function connectMany(url, count, auth) {
  const sockets = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(100, count - sockets.length) }, (_, index) =>
      connect(url, `u${sockets.length + index}`, auth()),
    );
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

/** As behind an agent, so that its session is kept for a crash. */
function connect(url, uid, auth) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=${uid}`, {
    headers: { 'x-gopush-can-resume': '1' },
  });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data) => {
      const text = String(data);
      if (text.startsWith('0')) socket.send(`40${auth}`);
      else if (text === '2') socket.send('3');
      else if (text.startsWith('40')) resolve(socket);
    });
  });
}

async function startServer(config) {
  const child = fork(new URL('peers/node.mjs', import.meta.url), [JSON.stringify(config)]);
  const answer = async () => (await once(child, 'message'))[0].answer;
  const { url } = await answer();
  return {
    url,
    ask(ask, rest = {}) {
      const answered = answer();
      child.send({ ask, ...rest });
      return answered;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
