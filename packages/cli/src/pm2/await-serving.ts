import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pm2Process } from './list-processes.ts';

/** How long all processes have to keep serving, in milliseconds. */
const steadyMs = 2_000;

/** How long that may take to begin, in milliseconds; a process that is still loading has as long as pm2 gives it. */
const patienceMs = 15_000;
const loadingMs = 60_000;

/** Between two looks while not all serve, in milliseconds. Each look starts a process. */
const lookMs = 1_000;

/**
 * Waits until all processes of a project serve, and keep serving. pm2 itself reports a start as successful even if the process ends at once.
 *
 * @param wanted - how many there have to be
 * @returns those that do not; none if all serve
 */
export async function awaitServing(
  list: () => Promise<readonly Pm2Process[]>,
  wanted: number,
): Promise<readonly Pm2Process[]> {
  const began = performance.now();
  let served: string | undefined;
  for (;;) {
    const processes = await list();
    const failing = processes.filter(({ status }) => status !== 'online');
    // A process that ended meanwhile has another pid, or has been restarted once more.
    const seen = processes.map(({ id, pid, restarts }) => `${id} ${pid} ${restarts}`).join();
    const isWhole = failing.length === 0 && processes.length >= wanted;
    if (isWhole && seen === served) return [];
    served = isWhole ? seen : undefined;
    const isLoading = failing.some(({ status, restarts }) => status === 'launching' && restarts === 0);
    if (performance.now() - began > (isLoading ? loadingMs : patienceMs))
      return failing.length > 0 ? failing : processes;
    await delay(isWhole ? steadyMs : lookMs);
  }
}

/** How many lines of a process's log are shown, and how many bytes of them. */
const shown = { lines: 5, bytes: 4_096 };

/** Describes why a process does not serve, with the end of its log. */
export async function describeFailing({ name, id, status, restarts, errorLog }: Pm2Process): Promise<string> {
  const log = await readFile(errorLog, 'utf8').catch(() => '');
  const lines = [...new Set(log.slice(-shown.bytes).trimEnd().split('\n'))].slice(-shown.lines);
  return [`${name} (${id}): ${status}, restarted ${restarts} times; the end of ${errorLog}:`, ...lines].join('\n  ');
}
