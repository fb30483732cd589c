import cluster, { type Worker } from 'node:cluster';
import { type Logger, shutdownMessage } from '@gopush/service';
import { CommandError } from './command-error.ts';
import { type Owners, ownersOf } from './hand-offs/owners.ts';
import { askOwners, isOwnersMessage } from './hand-offs/tell-owners.ts';
import { watchHeartbeat } from './heartbeat.ts';
import type { Project } from './project.ts';
import { retireMessage } from './run-process.ts';
import { nameOf, stopDeadlineMs, type TierNode } from './tiers.ts';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** How long a process may take to tell who owns its connections, in milliseconds. */
const answerMs = 2_000;

/** One process of a tier, from its start to its end. */
export interface NodeProcess {
  /** By `performance.now()`. */
  readonly startedAt: number;
  /** Resolves when the process serves; rejects when it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit>;
  /** Asks it to make way for its successor: it accepts nothing new, and ends when all its connections have ended. */
  retire(): void;
  /** Asks it who owns its connections. @returns `undefined`: it does not answer */
  owners(): Promise<Owners | undefined>;
  /** Stops it: gracefully, and after its deadline by force. */
  stop(): Promise<void>;
}

/** Starts a process of a tier. */
export function startNodeProcess(project: Project, node: TierNode, log: Logger): NodeProcess {
  // For those who look for a process with ps(1): it reads its role from the environment.
  cluster.setupPrimary({ args: [node.tier, String(node.index)] });
  const worker = cluster.fork({
    GOPUSH_TIER: node.tier,
    GOPUSH_INDEX: String(node.index),
    GOPUSH_DIR: project.dir,
    GOPUSH_ENV: project.environment,
  });
  const exited = new Promise<Exit>((resolve) => {
    worker.once('exit', (code, signal) => resolve({ code, signal }));
  });
  let serves = false;
  const ready = new Promise<void>((resolve, reject) => {
    worker.on('message', (message) => {
      if (message !== 'ready') return;
      serves = true;
      resolve();
    });
    // If it ended with an error, it has printed the reason.
    const why = `${nameOf(project, node)} ended before it served, with code 0: does a hook call process.exit?`;
    void exited.then(({ code }) => reject(new CommandError(code || 1, code === 0 ? why : '')));
  });
  // Callers that wait get the rejection; without one it must not be an unhandled rejection.
  ready.catch(() => {});
  // A message to a process that is just dying fails (EPIPE); unheard, that would end this process and all the others.
  worker.on('error', (error) =>
    log.warn({ err: error, process: nameOf(project, node) }, 'a message to a process could not be sent'),
  );
  const { hangMs } = project.config.processes;
  const stopWatching = watchHeartbeat(worker, hangMs, () => {
    const process = nameOf(project, node);
    log.error({ process, hangMs }, 'a process does not respond because its event loop is blocked; it is killed');
    worker.process.kill('SIGKILL');
  });
  void exited.then(stopWatching);
  return {
    startedAt: performance.now(),
    ready,
    exited,
    retire() {
      if (worker.isConnected()) worker.send(retireMessage);
    },
    owners: () => readOwners(worker),
    async stop() {
      if (worker.isDead()) return;
      const kill = setTimeout(() => worker.process.kill('SIGKILL'), stopDeadlineMs(project, node.tier) + 1_000);
      // While its code is loaded a process does not hear messages; the signal ends it then, as nothing is open.
      if (serves && worker.isConnected()) worker.send(shutdownMessage);
      else worker.process.kill('SIGTERM');
      await exited;
      clearTimeout(kill);
    },
  };
}

function readOwners(worker: Worker): Promise<Owners | undefined> {
  // One that has ended owns nothing.
  if (!worker.isConnected()) return Promise.resolve(ownersOf({}));
  return new Promise((resolve) => {
    const settle = (owners?: Owners): void => {
      clearTimeout(late);
      worker.off('message', onMessage);
      resolve(owners);
    };
    const onMessage = (message: unknown): void => {
      if (isOwnersMessage(message)) settle(message.owners);
    };
    const late = setTimeout(settle, answerMs);
    worker.on('message', onMessage);
    worker.send(askOwners);
  });
}
