import type { Counter, Histogram, Registry } from 'prom-client';
import { requireOnDemand } from './require-on-demand.ts';

const require = requireOnDemand(import.meta.url);

/** Metrics of one process in the words of Prometheus (https://prometheus.io/docs/practices/naming/): base units, no label without bounds. */
export interface Metrics {
  /** A value that only increases. The name ends with `_total`. */
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  /** A value that goes up and down, read at each scrape. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    read: (set: (value: number, labels?: Readonly<Record<L, string>>) => void) => void,
    labels?: readonly L[],
  ): void;
  /** A total that is counted elsewhere, read at each scrape. */
  total<L extends string = never>(
    name: string,
    help: string,
    read: (set: (value: number, labels?: Readonly<Record<L, string>>) => void) => void,
    labels?: readonly L[],
  ): void;
  /** A distribution of values, in seconds by default. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: readonly L[],
  ): Histogram<L>;
  /** All metrics as text, with its content type. */
  read(): Promise<{ readonly text: string; readonly type: string }>;
  close(): void;
}

/** Buckets of durations that clients wait for: upper bounds in seconds. */
export const waitBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

type Library = typeof import('prom-client');

let node: Registry | undefined;

/**
 * The metrics of Node. They are those of the whole process, so all that run in it share them: prom-client cannot end what it has begun to watch,
 * and each watcher of the garbage collector makes every collection take longer.
 */
function metricsOfNode({ collectDefaultMetrics, Registry }: Library): Registry {
  if (node === undefined) {
    node = new Registry();
    collectDefaultMetrics({ register: node });
  }
  return node;
}

/**
 * Opens the metrics of a process, including those of Node.
 *
 * @param prefix - beginning of all names, such as `gopush_agent_`
 */
export function createMetrics(prefix: string): Metrics {
  // Loaded on demand: commands and the supervisor have no metrics.
  const library = require('prom-client') as Library;
  const { Counter, Gauge, Histogram, Registry } = library;
  const registry = new Registry();
  const ofNode = metricsOfNode(library);
  const common = { registers: [registry] };
  return {
    counter: (name, help, labels = []) =>
      new Counter({ ...common, name: prefix + name, help, labelNames: [...labels] }),
    gauge(name, help, read, labels = []) {
      new Gauge({
        ...common,
        name: prefix + name,
        help,
        labelNames: [...labels],
        collect() {
          this.reset();
          read((value, given) => (given === undefined ? this.set(value) : this.set(given, value)));
        },
      });
    },
    total(name, help, read, labels = []) {
      new Counter({
        ...common,
        name: prefix + name,
        help,
        labelNames: [...labels],
        collect() {
          this.reset();
          read((value, given) => (given === undefined ? this.inc(value) : this.inc(given, value)));
        },
      });
    },
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ ...common, name: prefix + name, help, buckets: [...buckets], labelNames: [...labels] }),
    read: async () => ({ text: (await ofNode.metrics()) + (await registry.metrics()), type: registry.contentType }),
    close: () => registry.clear(),
  };
}
