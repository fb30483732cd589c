/**
 * One node of the swarm: an agent and a push-server in one process. It keeps nothing of its own: all there is to know is in Redis, so nodes can be
 * added, replaced and killed at any time. Environment: PORT, HOST, REDIS_URL, GOPUSH_SECRET.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { startAgent, startPushServer } from 'gopush';

const {
  PORT = '6003',
  HOST = '127.0.0.1',
  REDIS_URL = 'redis://127.0.0.1:6379',
  GOPUSH_SECRET,
  NODE_NAME = hostname(),
} = process.env;

const config = {
  agentPort: Number(PORT),
  agent: { host: HOST, drainMs: 1_000 },
  // Any free port: agents find it, as it announces itself in Redis.
  serverPortStart: 0,
  redisAdapter: REDIS_URL,
  routing: { discover: true },
  access: { secrets: [GOPUSH_SECRET ?? 'only for this machine'] },
  pushServer: { host: HOST, publicDir: join(import.meta.dirname, 'public'), senders: true },
  log: { level: 'error' },
};

const pushServer = await startPushServer({
  config,
  node: `${NODE_NAME}-push-server-0`,
  // Nodes of main.js share the port of agents, but not this one.
  exclusive: true,
  hooks: {
    onMessage(_client, event) {
      if (event === 'where') return `${NODE_NAME}, process ${process.pid}`;
      const signal = { end: 'SIGKILL', stop: 'SIGTERM' }[event];
      if (signal === undefined) return undefined;
      // For the buttons of the page: only if main.js says so. The ack goes first.
      if (process.env.MAY_END) setTimeout(() => process.kill(process.pid, signal), 50);
      return `${NODE_NAME} ends`;
    },
  },
});

const agent = await startAgent({
  config,
  node: `${NODE_NAME}-agent-0`,
  // Trusts the client: only for an example.
  hooks: { agent: (request) => request.query.user ?? 'visitor', router: { default: 'push-server' } },
});

let closing;
async function close() {
  // First the sessions migrate to other nodes; then those who came in here are asked to come in elsewhere.
  closing ??= pushServer.close().then(() => agent.close());
  await closing;
  process.exit();
}
process
  .on('SIGTERM', close)
  .on('SIGINT', () => process.send ?? close())
  .on('disconnect', close);
process.send?.({ url: agent.url });
