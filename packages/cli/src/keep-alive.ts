import type { Logger } from '@gopush/service';
import type { Owners } from './hand-offs/owners.ts';
import { type Exit, type NodeProcess, startNodeProcess } from './node-process.ts';
import type { Project } from './project.ts';
import { nameOf, type TierNode } from './tiers.ts';

/** Shortest and longest wait before a crashed process is restarted, and how long it has to run to reset the wait, in milliseconds. */
const backoff = { firstMs: 100, lastMs: 10_000, trustedMs: 10_000 };

/** How long a process that replaces another may take until it serves, in milliseconds. */
const readyMs = 30_000;

/** Most replaced processes of a node that may keep serving their connections. */
const maxRetired = 4;

/** A node that is kept alive by one process after another. */
export interface Life {
  /** Resolves when the first process is ready; rejects when it ends before. */
  readonly ready: Promise<void>;
  /**
   * Replaces the process by a new one, which reads settings and code again. If processes share a port, the new one serves first, and the
   * old one keeps its connections until they end.
   *
   * @throws CommandError if the new one cannot be started
   */
  replace(): Promise<void>;
  /** Who owns the connections of the process that serves. @returns `undefined`: it does not answer */
  owners(): Promise<Owners | undefined>;
  /** From now on the process is not started again. */
  leaveEnded(): void;
  /** Stops the process, and does not start it again. */
  stop(): Promise<void>;
}

/** Starts the process of a node, and starts it again whenever it crashes. */
export function keepAlive(project: Project, node: TierNode, log: Logger): Life {
  const alive = new Set<NodeProcess>();
  let retired: NodeProcess[] = [];
  /** Whether a new process replaces the current one, so that the end of the current one is no crash. */
  let replacing = false;
  let stopping = false;
  let served = false;
  let delayMs = backoff.firstMs;
  let again: NodeJS.Timeout | undefined;
  let current = start();

  function start(): NodeProcess {
    const started = startNodeProcess(project, node, log);
    alive.add(started);
    started.ready.then(
      () => {
        served = true;
      },
      () => {},
    );
    void started.exited.then((exit) => {
      alive.delete(started);
      // A node whose first process does not start would not start again either.
      if (started === current && served && !replacing && !stopping) startAgain(exit, started.startedAt);
    });
    return started;
  }

  function startAgain({ code, signal }: Exit, startedAt: number): void {
    if (performance.now() - startedAt > backoff.trustedMs) delayMs = backoff.firstMs;
    const process = nameOf(project, node);
    log.error({ process, code, signal, againInMs: delayMs }, 'a process exited unexpectedly; it is restarted');
    again = setTimeout(() => {
      current = start();
    }, delayMs);
    delayMs = Math.min(delayMs * 2, backoff.lastMs);
  }

  async function replace(): Promise<void> {
    if (stopping || replacing) return;
    replacing = true;
    clearTimeout(again);
    const old = current;
    try {
      if (!node.sharePort) await old.stop();
      if (stopping) return;
      const next = start();
      // If it fails and the old one is gone, the node is started again like one that crashed.
      if (!node.sharePort || !alive.has(old)) current = next;
      await serving(next);
      current = next;
    } finally {
      replacing = false;
      if (!alive.has(current) && !stopping) startAgain({ code: null, signal: null }, performance.now());
    }
    if (stopping || !alive.has(old)) return;
    old.retire();
    retired = [...retired.filter((one) => alive.has(one)), old];
    // The oldest process drains as at a stop.
    if (retired.length > maxRetired) void retired.shift()?.stop();
  }

  async function serving(next: NodeProcess): Promise<void> {
    // One that never serves is ended, and so fails.
    const late = setTimeout(() => void next.stop(), readyMs);
    try {
      await next.ready;
    } catch (error) {
      // A stop may have ended it before it served.
      if (!stopping) throw error;
    } finally {
      clearTimeout(late);
    }
  }

  function leaveEnded(): void {
    stopping = true;
    clearTimeout(again);
  }

  return {
    ready: current.ready,
    replace,
    owners: () => current.owners(),
    leaveEnded,
    async stop() {
      leaveEnded();
      await Promise.all([...alive].map((one) => one.stop()));
    },
  };
}
