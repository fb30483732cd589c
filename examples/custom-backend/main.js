/**
 * Four back ends of different kinds behind one agent, which hands their connections over and can be restarted without anyone noticing.
 *
 * PORT is the port of the agent.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acceptHandOffs } from 'gopush';
import { createApi } from './backends/api.js';
import { createEcho } from './backends/echo.js';
import { createGraphql } from './backends/graphql.js';
import { createMqtt } from './backends/mqtt.js';

const folder = await mkdtemp(join(tmpdir(), 'gopush-custom-backend-'));
const dir = join(folder, 'hand-off');

const servers = {
  api: createApi({ restartAgent }),
  echo: createEcho(),
  graphql: createGraphql(),
  mqtt: await createMqtt(),
};
const ports = {};
for (const [name, server] of Object.entries(servers)) {
  // The one line that takes the agent off the path.
  const handOffs = acceptHandOffs(server, { dir });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports[name] = server.address().port;
  console.log(`${name}: ${(await handOffs.settled()) ?? 'takes connections over'}`);
}

const config = {
  agentPort: Number(process.env.PORT ?? 6003),
  agent: { host: '127.0.0.1', drainMs: 500 },
  handOff: { enabled: true, dir },
  log: { level: 'error' },
};
let agent;
let stopping = false;

async function startAgent() {
  const child = fork(join(import.meta.dirname, 'agent.js'), [JSON.stringify({ config, ports })]);
  const ended = once(child, 'exit');
  const [{ url } = {}] = await Promise.race([once(child, 'message'), ended.then(() => [])]);
  if (url === undefined) throw new Error('the agent did not start');
  // The next one listens on the same port.
  config.agentPort = Number(new URL(url).port);
  agent = { child, ended, url };
  console.log(`the agent is process ${child.pid}`);
}

/** Kills the agent, as a crash would, and starts the next one. */
async function restartAgent() {
  const { child, ended } = agent;
  if (stopping || !child.kill('SIGKILL')) return;
  await ended;
  if (!stopping) await startAgent();
}

await startAgent();
console.log(`open ${agent.url}`);

async function stop() {
  if (stopping) return;
  stopping = true;
  agent.child.kill('SIGTERM');
  await agent.ended;
  await rm(folder, { recursive: true, force: true });
  process.exit();
}
process.on('SIGINT', stop).on('SIGTERM', stop);
