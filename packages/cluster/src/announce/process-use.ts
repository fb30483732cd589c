import type { Summary } from '../summary/summary.ts';

/** What this process uses of its machine. */
export class ProcessUse {
  #cpu = process.cpuUsage();

  /** @param seconds - since the last call */
  read(seconds: number): Omit<Summary['process'], 'loopDelayMs'> {
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return {
      rssBytes: rss,
      heapBytes: heapUsed,
      cpu: Math.round((user + system) / seconds / 10_000) / 100,
    };
  }
}
