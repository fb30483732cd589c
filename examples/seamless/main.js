/**
 * Restarts and kills push-servers and the agent while the connection of a page stays open.
 *
 * Starts an agent and two push-servers in processes of their own, publishes a number to a room several times a second, and ends processes when the
 * page asks for it. PORT is the port of the page.
 */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const saysEveryMs = 100;
const folder = await mkdtemp(join(tmpdir(), 'gopush-seamless-'));
const apiKey = randomUUID();
const config = {
  agentPort: Number(process.env.PORT ?? 6004),
  agent: { host: '127.0.0.1', drainMs: 500 },
  serverPortStart: 0,
  // The agent finds the push-servers that run, and hands the connections of clients over to them: then it can be killed, too. Only on Linux.
  routing: { discover: true },
  handOff: { enabled: true, dir: join(folder, 'hand-off') },
  pushServer: {
    // The folder through which the two push-servers connect, and in which they store rooms and sessions. On several machines use Redis.
    fanoutDir: folder,
    storeDir: join(folder, 'store'),
    publicDir: join(import.meta.dirname, 'public'),
  },
  // Agents warn of push-servers that fail. Here they are killed on purpose.
  log: { level: 'error' },
  api: { keys: [{ name: 'numbers', key: apiKey, scopes: ['publish'] }] },
};

/** Push-servers by name. */
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

/** Resolves when each connection has two owners: a push-server, and the agent. */
async function untilShared() {
  for (let wait = 0; wait < 100 && !stopping; wait++) {
    const counts = await Promise.all(
      [...servers.values()].map(async ({ child }) => {
        child.send('owners');
        return (await once(child, 'message'))[0];
      }),
    );
    if (counts.every(({ one }) => one === 0)) return;
    await delay(50);
  }
}

let agent;

async function startAgent() {
  const settings = JSON.stringify({ ...config, control: control.address().port });
  const child = fork(join(import.meta.dirname, 'agent.js'), [settings]);
  const ended = once(child, 'exit');
  const [{ url } = {}] = await Promise.race([once(child, 'message'), ended.then(() => [])]);
  if (url === undefined) throw new Error('the agent did not start');
  agent = { child, ended, url };
  // The next one listens on the same port.
  config.agentPort = Number(new URL(url).port);
  console.log(`the agent is process ${child.pid}`);
}

const orders = {
  async restart() {
    for (const name of [...servers.keys()].sort()) await replace(name, 'SIGTERM');
  },
  kill: (name) => replace(servers.has(name) ? name : [...servers.keys()][0], 'SIGKILL'),
  async agent() {
    const { child, ended } = agent;
    child.kill('SIGKILL');
    await ended;
    console.log(`the agent, process ${child.pid}, ended with SIGKILL`);
    if (!stopping) await startAgent();
    await untilShared();
  },
};

/** Does what the page asks for, one after another, so that one push-server is always up. */
let work = Promise.resolve();
let problem;
const control = createServer(async ({ url, method }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const order = method === 'POST' ? orders[pathname.slice(1)] : undefined;
  if (order !== undefined) {
    work = work
      .then(() => delay(50))
      .then(() => order(searchParams.get('server')))
      .catch((error) => {
        problem = error.message;
      });
    // The agent through which this response goes may be killed.
    response.writeHead(202).end();
  } else if (pathname === '/done') {
    await work;
    response.writeHead(problem === undefined ? 200 : 500).end(problem);
  } else response.writeHead(404).end();
});
control.listen(0, '127.0.0.1');
await once(control, 'listening');
await Promise.all(['push-server-0', 'push-server-1'].map(startServer));
await startAgent();
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
  await work;
  agent.child.kill('SIGTERM');
  await agent.ended;
  for (const { child } of servers.values()) child.kill('SIGTERM');
  await Promise.all([...servers.values()].map(({ ended }) => ended));
  control.closeAllConnections();
  control.close();
  await rm(folder, { recursive: true, force: true });
}
process.on('SIGINT', stop).on('SIGTERM', stop);
