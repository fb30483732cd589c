import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { createLifetime, type Logger, shutdownMessage } from '@gopush/service';
import { CommandError } from './command-error.ts';
import type { Project } from './project.ts';
import type { Running } from './run-process.ts';
import { nodeName, stopDeadlineMs, type Tier, type TierNode } from './tiers.ts';

/** Shortest and longest wait before a crashed process is started again, and how long one must live to be trusted anew; milliseconds. */
const backoff = { firstMs: 100, lastMs: 10_000, trustedMs: 10_000 };

/**
 * Starts the processes of these tiers, and starts again whichever crashes. Agents share their port; each push-server has its own.
 *
 * @returns when all are ready; closing stops the tiers one after another, the first given first
 * @throws CommandError where a process cannot be started at all
 */
export async function startSupervisor(project: Project, wanted: readonly Tier[], log: Logger): Promise<Running> {
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
  // A Ctrl-C reaches all processes at once: one that has ended by itself before its turn is not to be started again.
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
  return lifetime;
}

interface Life {
  /** Resolves when the process is ready for the first time; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** From now on the process is not started again. */
  leaveEnded(): void;
  /** Stops the process, and does not start it again. */
  stop(): Promise<void>;
}

/** Keeps one process alive. */
function keepAlive(project: Project, node: TierNode, log: Logger): Life {
  const name = nodeName(node);
  let worker: Worker | undefined;
  let stopping = false;
  let delayMs = backoff.firstMs;
  let restart: NodeJS.Timeout | undefined;
  let onExit: (() => void) | undefined;
  let isReady = false;
  let ready: () => void = () => {};
  let failed: (error: Error) => void = () => {};
  const firstReady = new Promise<void>((resolve, reject) => {
    ready = resolve;
    failed = reject;
  });
  // Whoever starts us awaits it; a stop before that must not make it anyone's unhandled rejection.
  firstReady.catch(() => {});

  function start(): void {
    const startedAt = Date.now();
    worker = cluster.fork({
      GOPUSH_TIER: node.tier,
      GOPUSH_INDEX: String(node.index),
      GOPUSH_DIR: project.dir,
      GOPUSH_ENV: project.environment,
    });
    worker.on('message', (message) => {
      if (message !== 'ready') return;
      isReady = true;
      ready();
    });
    // A message to a process that is just dying fails (EPIPE); unheard, that would end this process and all the others.
    worker.on('error', (error) => log.warn({ err: error, process: name }, 'a process cannot be told something'));
    worker.once('exit', (code, signal) => {
      worker = undefined;
      onExit?.();
      if (stopping) return;
      // It has said why; a start that fails at once would fail again.
      if (!isReady) {
        failed(new CommandError(code || 1, ''));
        return;
      }
      if (Date.now() - startedAt > backoff.trustedMs) delayMs = backoff.firstMs;
      log.error({ process: name, code, signal, againInMs: delayMs }, 'a process ended by itself; it is started again');
      restart = setTimeout(start, delayMs);
      delayMs = Math.min(delayMs * 2, backoff.lastMs);
    });
  }

  function leaveEnded(): void {
    stopping = true;
    clearTimeout(restart);
  }

  start();
  return {
    ready: firstReady,
    leaveEnded,
    async stop() {
      leaveEnded();
      if (worker === undefined) return;
      const exited = new Promise<void>((resolve) => {
        onExit = resolve;
      });
      const kill = setTimeout(() => worker?.process.kill('SIGKILL'), stopDeadlineMs(project, node.tier) + 1_000);
      if (worker.isConnected()) worker.send(shutdownMessage);
      else worker.process.kill('SIGTERM');
      await exited;
      clearTimeout(kill);
    },
  };
}
