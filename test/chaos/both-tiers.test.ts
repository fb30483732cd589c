import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigInput } from '@gopush/contract';
import { expect, test } from 'vitest';
import { freePort, startRedis } from '../../packages/store/test/support/redis.ts';
import { keys } from '../support/api.ts';
import { makeFolder } from '../support/cli.ts';
import { rows } from '../support/long.ts';
import { type Death, lookAtOwned, lostBothOwners } from './owners.ts';
import { type Process, settingsOf, startProcess } from './processes.ts';
import { readMoves, report } from './report.ts';
import { type Counts, startTraffic, unnoticed, unnoticedButAcks } from './traffic.ts';

/** `GOPUSH_CHAOS=full` is the long form, which takes minutes. Its figures are in docs/performance.md. */
const full = process.env.GOPUSH_CHAOS === 'full';
/** The parts to run. @defaultValue all */
const only = process.env.CHAOS_ONLY ?? '';
const clients = Number(process.env.CHAOS_CLIENTS ?? (full ? 500 : 20));
const size = full ? { agents: 2, servers: 3, rounds: 3, kills: 30 } : { agents: 2, servers: 2, rounds: 1, kills: 2 };

const stores: Readonly<Record<string, () => Promise<ConfigInput>>> = {
  async embedded() {
    const dir = await makeFolder();
    return { pushServer: { fanoutDir: join(dir, 'mesh'), storeDir: join(dir, 'store') } };
  },
  Redis: async () => ({ redisAdapter: { port: (await startRedis()).port } }),
};

/** Agents and push-servers of one machine, which find each other. */
async function startDeployment(store: string, hasHandOff: boolean) {
  const stored = await (stores[store] as () => Promise<ConfigInput>)();
  const settings = settingsOf({
    ...stored,
    handOff: { enabled: hasHandOff, dir: join(await makeFolder(), 'hand-off') },
  });
  const [serverPort, agentPort] = [await freePort(size.servers), await freePort(size.agents)];
  const servers = await Promise.all(
    Array.from({ length: size.servers }, (_, index) =>
      startProcess('chaos-server.mjs', [
        JSON.stringify({ ...settings, serverPortStart: serverPort + index }),
        `push-server-${index}`,
      ]),
    ),
  );
  const agents = await Promise.all(
    Array.from({ length: size.agents }, (_, index) =>
      startProcess('chaos-agent.mjs', [
        JSON.stringify({ ...settings, agentPort: agentPort + index, agent: { host: '127.0.0.1', drainMs: 5_000 } }),
      ]),
    ),
  );
  const ports = agents.map((_, index) => agentPort + index);
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  return { servers, agents, ports, urls, deaths: [] as Death[] };
}

type Deployment = Awaited<ReturnType<typeof startDeployment>>;

async function restart(one: Process, signal: NodeJS.Signals): Promise<void> {
  one.kill(signal);
  await one.ended();
  await one.start();
}

/** Kills a process, and notes which clients it owned. */
async function kill(one: Process, { servers, agents, ports, deaths }: Deployment): Promise<void> {
  const others = [...agents, ...servers].filter((other) => other !== one).map(({ pid }) => pid);
  one.kill('SIGSTOP');
  const at = Date.now();
  deaths.push({ isAgent: agents.includes(one), at, ...lookAtOwned(one.pid, others, ports) });
  await restart(one, 'SIGKILL');
}

interface Deed {
  readonly what: string;
  readonly does: (deployment: Deployment) => Promise<void>;
  /** With hand-offs. Without, clients notice each restart of an agent. */
  readonly promised: Partial<Counts>;
}

/** How long a deploy leaves between two processes, in milliseconds: each connection has two owners again. */
const settleMs = full ? 2_000 : 1_000;

const rolling: Deed = {
  what: 'SIGTERM of all push-servers and all agents, one after the other',
  async does({ servers, agents }) {
    for (let round = 0; round < size.rounds; round++) {
      for (const one of [...servers, ...agents]) {
        await restart(one, 'SIGTERM');
        await delay(settleMs);
      }
    }
  },
  promised: unnoticed,
};

const killing: Deed = {
  what: 'SIGKILL of a random process of both tiers every 2 s',
  async does(deployment) {
    const { servers, agents } = deployment;
    const all = [...agents, ...servers];
    for (let turn = 0; turn < size.kills; turn++) {
      const at = Date.now();
      // The short form meets both tiers.
      const one = full ? all[Math.floor(Math.random() * all.length)] : all[turn % 2 === 0 ? 0 : size.agents];
      await kill(one as Process, deployment);
      await delay(Math.max(0, at + 2_000 - Date.now()));
    }
  },
  promised: unnoticedButAcks,
};

const atOnce: Deed = {
  what: 'SIGTERM of all push-servers and all agents at once, each started again when it has ended',
  async does({ servers, agents }) {
    for (let round = 0; round < size.rounds; round++) {
      await Promise.all([...servers, ...agents].map((one) => restart(one, 'SIGTERM')));
      await delay(settleMs);
    }
  },
  promised: unnoticed,
};

/** An agent that stops asks for the sessions that it was about to hand over once more. */
const together: Deed = {
  what: 'SIGTERM of a push-server and an agent within half a second, and perhaps of the other agent',
  async does({ servers, agents }) {
    for (let round = 0; round < 5 * size.rounds; round++) {
      const ends = [restart(servers[round % servers.length] as Process, 'SIGTERM')];
      for (const agent of round % 2 === 0 ? agents : agents.slice(0, 1)) {
        await delay(Math.random() * 500);
        ends.push(restart(agent, 'SIGTERM'));
      }
      await Promise.all(ends);
      await delay(settleMs);
    }
  },
  promised: unnoticed,
};

interface Row {
  readonly deed: Deed;
  readonly store: string;
  readonly handOff: boolean;
}

const row = (deed: Deed, store: string, handOff = true): Row => ({ deed, store, handOff });
const others = [rolling, killing, together, atOnce].flatMap((deed) =>
  Object.keys(stores).flatMap((store) => [true, false].map((handOff) => row(deed, store, handOff))),
);
// Both tiers are replaced in packages/cli/test/processes/whole-deploy.test.ts as well.
const usual = [row(killing, 'Redis')];
const isUsual = (one: Row): boolean =>
  usual.some(({ deed, store, handOff }) => deed === one.deed && store === one.store && handOff === one.handOff);

test.each(
  rows(
    usual,
    others.filter((one) => !isUsual(one)),
  ).map((one) => ({ ...one, name: `${one.deed.what}, ${one.store}, ${one.handOff ? 'hand-off' : 'tunnels'}` })),
)('$name', { timeout: 600_000 }, async ({ name, deed, store, handOff }) => {
  if (!name.match(only)) return;
  const deployment = await startDeployment(store, handOff);
  const traffic = await startTraffic({ urls: deployment.urls, key: keys.all, clients, name: 'both' });
  await delay(settleMs);
  await deed.does(deployment);
  await delay(settleMs);
  const counts = await traffic.stop();
  const lines = deployment.agents.flatMap((agent) => agent.lines);
  const moves = readMoves(lines);
  const apart = counts.cuts.filter((cut) => lostBothOwners(cut, deployment.deaths, moves.moves)).length;
  const both = apart === 0 ? [] : [`${apart} disconnected as both owners were killed`];
  report(
    deed.what,
    `${store}, ${handOff ? 'hand-off' : 'tunnels'}`,
    { ...counts, examples: [...both, ...counts.examples] },
    moves,
  );
  const disconnects = counts.disconnects - apart;
  // Where an agent and a push-server die together, clients that return may be told of a message rather than given it.
  const promised = apart === 0 ? deed.promised : { ...deed.promised, told: expect.any(Number) };
  expect({ ...counts, disconnects }).toMatchObject(handOff ? promised : { lost: 0 });
});
