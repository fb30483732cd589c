import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Agent, startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { io, type Socket } from 'socket.io-client';
import { believing } from './gateway.ts';
import { createMemoryLog, type LogLine } from './log.ts';

/**
 * Two agents and three push-servers with clients in rooms that publish, one of the push-servers in a process of its own. Nothing serves
 * the product `broken`.
 */
export interface LoadedCluster {
  readonly agents: readonly Agent[];
  readonly servers: readonly PushServer[];
  /** What agents and push-servers of this process have logged. */
  readonly lines: readonly LogLine[];
  readonly clients: readonly Socket[];
  /** How often a client was cut off. */
  cuts(): number;
  /** Kills the push-server `server-2` without a word. */
  kill(): void;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('../programs/push-node.mjs', import.meta.url));

/** How many clients there are, how many rooms they are in, and the time between two messages of one, in milliseconds. */
const load = { clients: 24, rooms: 5, everyMs: 600 };

/**
 * Starts a cluster that is not bound to one test, and waits until its clients are in their rooms.
 *
 * @param store - @defaultValue a folder
 */
export async function startLoadedCluster(
  keys: readonly { readonly name: string; readonly key: string }[],
  store: Pick<ConfigInput, 'redisAdapter'> = {},
) {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-loaded-'));
  const ends: (() => unknown)[] = [() => rm(dir, { recursive: true, force: true })];
  const { logger: memory, lines } = createMemoryLog();
  const logger = { ...memory, level: 'info' };
  const shared: ConfigInput = { ...store, admin: { agentPort: 0, serverPort: 0, keys: [...keys] }, serverPortStart: 0 };
  const pushServer = { fanoutDir: join(dir, 'fanout'), drainMs: 5_000, limits: { beginDelayMs: 0 } };
  const servers: PushServer[] = [];
  for (const index of [0, 1]) {
    const server = await startPushServer({
      config: { ...shared, pushServer },
      ...{ dir, node: `server-${index}`, logger },
    });
    servers.push(server);
    ends.push(() => server.close());
  }
  const child = fork(program, [JSON.stringify({ ...shared, pushServer }), 'server-2'], { cwd: dir, stdio: 'ignore' });
  ends.push(() => child.kill('SIGKILL'));
  await once(child, 'message');
  const agents: Agent[] = [];
  for (const index of [0, 1]) {
    const agent = await startAgent({
      config: {
        ...{ agentPort: 0, ...shared, limits: { eventLoopDelayMs: 0 }, routing: { discover: true } },
        agent: { host: '127.0.0.1', drainMs: 200 },
      },
      hooks: {
        onupgrade: believing,
        agent: believing,
        router: {
          default: 'push-server',
          broken: [{ ip: '127.0.0.1', port: 9 }],
          routes: [
            { path: '/chat', product: 'default', stripPath: true },
            { host: '*.example.com', product: 'broken', public: true },
          ],
        },
      },
      ...{ dir, node: `agent-${index}`, logger },
    });
    agents.push(agent);
    ends.push(() => agent.close());
  }
  const { clients, cuts, stop } = await startClients(agents);
  ends.push(stop);
  const cluster: LoadedCluster = {
    ...{ agents, servers, lines, clients, cuts },
    kill: () => void child.kill('SIGKILL'),
    async close() {
      for (const end of ends.toReversed()) await end();
    },
  };
  return cluster;
}

async function startClients(agents: readonly Agent[]) {
  let cuts = 0;
  const clients = Array.from({ length: load.clients }, (_, index) => {
    const { url = '' } = agents[index % agents.length] ?? {};
    const query = { user: `${index % 2 === 0 ? 'ann' : 'bob'}-${index}` };
    const client = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, query });
    client.on('disconnect', () => cuts++);
    return client;
  });
  await Promise.all(
    clients.map(async (client, index) => {
      await new Promise((resolve, reject) => client.once('connect', () => resolve(0)).once('connect_error', reject));
      await client.emitWithAck('go:join', `room-${index % load.rooms}`);
      if (index % 3 === 0) await client.emitWithAck('go:join', 'lobby');
    }),
  );
  const timers = clients.map((client, index) =>
    setInterval(
      () => client.emit('go:publish', { room: `room-${index % load.rooms}`, event: 'chat', message: 'hello' }),
      load.everyMs,
    ),
  );
  const stop = (): void => {
    for (const timer of timers) clearInterval(timer);
    for (const client of clients) client.disconnect();
  };
  return { clients, cuts: () => cuts, stop };
}
