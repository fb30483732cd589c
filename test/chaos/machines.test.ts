import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { keys } from '../support/api.ts';
import { type Machine, startMachines, whyNoMachines } from '../support/machines.ts';
import { type Process, settingsOf, startProcess } from './processes.ts';
import { readMoves, report } from './report.ts';
import { type Counts, startTraffic, unnoticed, unnoticedButAcks } from './traffic.ts';

/** `GOPUSH_CHAOS=full` runs this file: it takes minutes. Its figures are in docs/performance.md. */
const full = process.env.GOPUSH_CHAOS === 'full';
/** The parts to run. @defaultValue all */
const only = process.env.CHAOS_ONLY ?? '';
const clients = Number(process.env.CHAOS_CLIENTS ?? 150);

/** An agent and two push-servers on each of two machines, and Redis on the switch between. */
async function startDeployment() {
  const { address, machines } = startMachines(2);
  const [first, second] = machines as [Machine, Machine];
  const redis = await startRedis(['--bind', '127.0.0.1', address, '--protected-mode', 'no']);
  const startServer = ({ address: host, prefix }: Machine, name: string, index: number): Promise<Process> => {
    const settings = settingsOf({
      redisAdapter: { host: address, port: redis.port },
      serverPortStart: 4_000 + index,
      pushServer: { host },
    });
    return startProcess('chaos-server.mjs', [JSON.stringify(settings), `${name}-${index}`], prefix);
  };
  const startAgent = ({ prefix }: Machine): Promise<Process> => {
    const settings = settingsOf({
      redisAdapter: { host: address, port: redis.port },
      agentPort: 4_100,
      agent: { drainMs: 200 },
    });
    return startProcess('chaos-agent.mjs', [JSON.stringify(settings)], prefix);
  };
  const startAll = async (machine: Machine, name: string) => {
    const [one, two, agent] = await Promise.all([
      startServer(machine, name, 0),
      startServer(machine, name, 1),
      startAgent(machine),
    ]);
    return { machine, servers: [one, two], agent, url: `http://${machine.address}:4100` };
  };
  const [here, there] = await Promise.all([startAll(first, 'here'), startAll(second, 'there')]);
  return { here, there };
}

type Deployment = Awaited<ReturnType<typeof startDeployment>>;
type Side = Deployment['here'];

interface Deed {
  readonly what: string;
  readonly does: (deployment: Deployment) => Promise<void>;
  readonly promised: Partial<Counts>;
  /** Whether half of the clients are connected at the other machine. */
  readonly both?: boolean;
}

/** What one machine sends to another gets lost for 15 s. */
async function cut({ machine: from }: Side, { machine: to }: Side): Promise<void> {
  from.dropTo(to);
  await delay(15_000);
  const [command, ...prefix] = from.prefix as [string, ...string[]];
  execFileSync(command, [...prefix, 'ip', 'neigh', 'del', to.address, 'dev', 'eth0']);
}

const restart = async (processes: readonly Process[], signal: NodeJS.Signals, awayMs: number): Promise<void> => {
  for (const one of processes) one.kill(signal);
  await Promise.all(processes.map((one) => one.ended()));
  await delay(awayMs);
  await Promise.all(processes.map((one) => one.start()));
};

const deeds: readonly Deed[] = [
  {
    what: 'power off one machine, and on after 20 s',
    async does({ there }) {
      there.machine.unplug();
      await delay(20_000);
      there.machine.plug();
      await delay(5_000);
    },
    promised: unnoticedButAcks,
  },
  {
    what: 'one machine is sent nothing for 15 s, what it sends arrives',
    does: ({ here, there }) => cut(here, there),
    promised: unnoticedButAcks,
  },
  {
    what: 'one machine reaches the other one no more for 15 s, what it is sent arrives',
    does: ({ here, there }) => cut(there, here),
    promised: unnoticedButAcks,
  },
  {
    what: 'SIGTERM of all push-servers of one machine, which are back after 3 s',
    does: ({ there }) => restart(there.servers, 'SIGTERM', 3_000),
    promised: { ...unnoticed, refused: {} },
    both: true,
  },
  {
    what: 'SIGKILL of all push-servers of one machine, which are back after 3 s',
    does: ({ there }) => restart(there.servers, 'SIGKILL', 3_000),
    promised: unnoticedButAcks,
    both: true,
  },
  {
    what: 'SIGKILL of the agent and a push-server of one machine, 0.1 s apart, back after 1 s',
    async does({ there }) {
      const [server] = there.servers as [Process];
      server.kill('SIGKILL');
      await delay(100);
      await restart([there.agent, server], 'SIGKILL', 1_000);
      await delay(3_000);
    },
    promised: { newSessions: 0, lost: 0, doubled: 0 },
    both: true,
  },
];

const why = full ? whyNoMachines() : 'GOPUSH_CHAOS is not full';
describe.skipIf(why !== undefined)(`two machines${why === undefined ? '' : `: skipped, ${why}`}`, () => {
  test('what is done to one of them', { timeout: 900_000 }, async () => {
    const deployment = await startDeployment();
    const { here, there } = deployment;
    const lines = (): string[] => [...here.agent.lines, ...there.agent.lines];
    for (const [index, { what, does, promised, both = false }] of deeds.entries()) {
      if (!what.includes(only)) continue;
      const before = new Set(lines());
      const urls = both ? [here.url, there.url] : [here.url];
      const traffic = await startTraffic({ urls, key: keys.all, clients, name: `deed${index}` });
      await delay(2_000);
      await does(deployment);
      await delay(2_000);
      const counts = await traffic.stop();
      report(what, 'Redis, discovery', counts, readMoves(lines().filter((line) => !before.has(line))));
      expect.soft(counts, what).toMatchObject(promised);
    }
  });
});
