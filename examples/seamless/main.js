/**
 * Restarts and kills push-servers while the connection of a page stays open.
 *
 * Starts an agent in this process and two push-servers in processes of their own, publishes a number to a room several times a second, and
 * restarts push-servers when the page asks for it. PORT is the port of the page.
 */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startAgent } from 'gopush';

const saysEveryMs = 100;
const folder = await mkdtemp(join(tmpdir(), 'gopush-seamless-'));
const apiKey = randomUUID();
const config = {
  serverPortStart: 0,
  pushServer: {
    // The folder through which the two push-servers connect, and in which they store rooms and sessions. On several machines use Redis.
    fanoutDir: folder,
    storeDir: join(folder, 'store'),
    publicDir: join(import.meta.dirname, 'public'),
  },
  api: { keys: [{ name: 'numbers', key: apiKey, scopes: ['publish'] }] },
};

/** Push-servers that accept clients, by name. */
const servers = new Map();
let stopping = false;

async function startServer(name) {
  const child = fork(join(import.meta.dirname, 'push-server.js'), [name, JSON.stringify(config)]);
  const ended = once(child, 'exit');
  const [{ port } = {}] = await Promise.race([once(child, 'message'), ended.then(() => [])]);
  if (port === undefined) throw new Error(`${name} did not start`);
  servers.set(name, { child, ended, port });
  console.log(`${name} is process ${child.pid}`);
}

/** Stops a process with a signal, and starts a new one in its place. */
async function replace(name, signal) {
  const { child, ended } = servers.get(name);
  servers.delete(name);
  child.kill(signal);
  const [code, killedBy] = await ended;
  console.log(`${name}, process ${child.pid}, ended with ${killedBy ?? code}`);
  if (!stopping) await startServer(name);
}

const orders = {
  async restart() {
    for (const name of [...servers.keys()].sort()) await replace(name, 'SIGTERM');
  },
  kill: (name) => replace(servers.has(name) ? name : [...servers.keys()][0], 'SIGKILL'),
};

/** Handles the requests of the page one by one, so that one push-server is always up. */
let work = Promise.resolve();
const control = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const order = request.method === 'POST' ? orders[pathname.slice(1)] : undefined;
  if (order === undefined) {
    response.writeHead(404).end();
    return;
  }
  work = work
    .then(() => order(searchParams.get('server')))
    .then(
      () => response.end('done'),
      (error) => response.writeHead(500).end(error.message),
    );
});
control.listen(0, '127.0.0.1');
await once(control, 'listening');
await Promise.all(['push-server-0', 'push-server-1'].map(startServer));

const agent = await startAgent({
  config: { agentPort: Number(process.env.PORT ?? 6004), agent: { host: '127.0.0.1', drainMs: 500 } },
  hooks: {
    // Trusts the client: only for an example.
    agent: (request) => request.query.user ?? 'somebody',
    router: {
      default: () => [...servers.values()].map(({ port }) => ({ ip: '127.0.0.1', port })),
      control: { ip: '127.0.0.1', port: control.address().port },
    },
  },
});
console.log(`open ${agent.url}`);

/** Publishes the numbers through the HTTP API, like a back end. The id makes it safe to retry after a lost response. */
async function sayNumbers() {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  for (let number = 1; !stopping; number++) {
    const body = JSON.stringify({ event: 'number', message: number, id: `number-${number}` });
    const say = () =>
      fetch(`${agent.url}/api/v1/rooms/numbers/publish`, { method: 'POST', headers, body }).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!stopping && !(await say())) await delay(20);
    await delay(saysEveryMs);
  }
}
const numbers = sayNumbers();

async function stop() {
  if (stopping) return;
  stopping = true;
  await numbers;
  await agent.close();
  await work;
  for (const { child } of servers.values()) child.kill('SIGTERM');
  await Promise.all([...servers.values()].map(({ ended }) => ended));
  control.closeAllConnections();
  control.close();
  await rm(folder, { recursive: true, force: true });
}
process.on('SIGINT', stop).on('SIGTERM', stop);
