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
const clients = Number(process.env.CHAOS_CLIENTS ?? 300);

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
  const startAll = async (machine: Machine, name: string) => ({
    machine,
    servers: [await startServer(machine, name, 0), await startServer(machine, name, 1)],
    agent: await startAgent(machine),
    url: `http://${machine.address}:4100`,
  });
  return { here: await startAll(first, 'here'), there: await startAll(second, 'there') };
}

type Deployment = Awaited<ReturnType<typeof startDeployment>>;

interface Deed {
  readonly what: string;
  readonly does: (deployment: Deployment) => Promise<void>;
  readonly promised: Partial<Counts>;
  /** Whether half of the clients are connected at the other machine. */
  readonly both?: boolean;
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
    what: 'one machine is sent nothing any more, what it sends arrives',
    async does({ here, there }) {
      here.machine.dropTo(there.machine);
      await delay(15_000);
    },
    promised: unnoticedButAcks,
  },
  {
    what: 'one machine reaches nobody any more, what it is sent arrives',
    async does({ here, there }) {
      there.machine.dropTo(here.machine);
      await delay(15_000);
    },
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
  test.each(deeds)('$what', { timeout: 180_000 }, async ({ what, does, promised, both = false }) => {
    const deployment = await startDeployment();
    const { here, there } = deployment;
    const urls = both ? [here.url, there.url] : [here.url];
    const traffic = await startTraffic({ urls, key: keys.all, clients, name: 'machines' });
    await delay(2_000);
    await does(deployment);
    await delay(2_000);
    const counts = await traffic.stop();
    report(what, 'Redis, discovery', counts, readMoves([...here.agent.lines, ...there.agent.lines]));
    expect(counts).toMatchObject(promised);
  });
});
