import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { createLifetime, type Logger } from '@gopush/service';
import { awaitOwners, settleMs } from './hand-offs/await-owners.ts';
import { describeOwners, sumOwners } from './hand-offs/owners.ts';
import { keepAlive, type Life } from './keep-alive.ts';
import type { Project } from './project.ts';
import type { Running } from './run-process.ts';
import type { Tier } from './tier-names.ts';

/** Processes that are supervised. */
export interface Supervisor extends Running {
  /**
   * Replaces all processes, one after another, push-servers first, each when every connection that was handed over has two owners.
   *
   * @throws CommandError if a new process cannot be started; the others are left as they are
   */
  reload(): Promise<void>;
}

/**
 * Starts the processes of these tiers, and starts again whichever crashes. Agents share their port; each push-server has its own.
 *
 * @returns resolves when all are ready; closing stops the tiers one after another, in the given order
 * @throws CommandError if a process cannot be started at all
 */
export async function startSupervisor(project: Project, wanted: readonly Tier[], log: Logger): Promise<Supervisor> {
  const { config } = project;
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./worker.js', import.meta.url)),
    args: [],
    serialization: 'json',
  });
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `stopping ${what} failed`));
  const counts = { agent: config.agentWorkers, 'push-server': config.serverWorkers };
  const lives = wanted.map((tier) => ({
    tier,
    nodes: Array.from({ length: counts[tier] }, (_, index) =>
      keepAlive(project, { tier, index, sharePort: tier === 'agent' }, log),
    ),
  }));
  for (const { tier, nodes } of lives.toReversed()) {
    lifetime.opened(`${tier}s`, async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    });
  }
  // Ctrl-C reaches all processes at once: one that ended by itself before its turn must not be restarted.
  lifetime.opened('restarts', () => {
    for (const { nodes } of lives) for (const node of nodes) node.leaveEnded();
  });
  try {
    // Targets first, so that the first client finds one.
    for (const { nodes } of lives.toReversed()) await Promise.all(nodes.map((node) => node.ready));
  } catch (error) {
    await lifetime.close();
    throw error;
  }
  return {
    close: lifetime.close,
    async reload() {
      const all = lives.flatMap(({ nodes }) => nodes);
      for (const { nodes } of lives.toReversed()) {
        for (const node of nodes) {
          await settle(all, log);
          await node.replace();
        }
      }
    },
  };
}

/** Between two looks at the owners of connections, in milliseconds. */
const lookMs = 50;

/** Waits until no client would notice the end of one of these processes, and says so if that takes too long. */
async function settle(nodes: readonly Life[], log: Logger): Promise<void> {
  const read = async () => {
    const all = await Promise.all(nodes.map((node) => node.owners()));
    return all.includes(undefined) ? undefined : sumOwners(all);
  };
  const left = await awaitOwners(read, { lookMs, longestMs: settleMs });
  if (left === undefined) return;
  log.warn({ ...left, waitedMs: settleMs }, `${describeOwners(left)}. They may notice the reload, which continues`);
}
