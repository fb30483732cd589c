import { shortName } from '../summary/short-name.ts';
import { type HistorySummary, mostListed } from '../summary/summary.ts';

/** Length of a step, in milliseconds, and number of steps: 15 minutes. */
export const stepMs = 10_000;
const mostSteps = 90;

/** What a history is made of. Totals count from the start of the node. */
export interface Sample {
  readonly connections: number;
  readonly messages: number;
  readonly deliveries: number;
  readonly migrated: number;
  readonly failedOver: number;
  readonly fellBack: number;
  /** Longest since the last sample, in milliseconds. */
  readonly pauseMs: number;
  readonly loopDelayMs: number;
  readonly storeMs: number;
  /** Totals by cause. */
  readonly refusals: readonly (readonly [string, number])[];
}

const summed = ['messages', 'deliveries', 'migrated', 'failedOver', 'fellBack'] as const;
const longest = ['pauseMs', 'loopDelayMs', 'storeMs'] as const;

type Series = 'connections' | (typeof summed)[number] | (typeof longest)[number];
type Step = Record<Series, number> & { refusals: readonly (readonly [string, number])[] };

/** The last 15 minutes of a node, in steps. The node itself keeps it and publishes it with each summary, so that any node can show it. */
export class History {
  readonly #steps: Step[] = [];
  #current = emptyStep(0);
  #startedAt: number;
  #last: Sample | undefined;
  /** The summary until the next step ends. */
  #told: HistorySummary | undefined;

  /**
   * @param now - of a clock that does not go back, in milliseconds
   * @param intoStepMs - how long ago the first step has begun. If the steps of all nodes end together, a session that moves is counted once
   */
  constructor(now: number, intoStepMs = 0) {
    this.#startedAt = now - intoStepMs;
  }

  /** @param now - of a clock that does not go back, in milliseconds */
  add(sample: Sample, now: number): void {
    this.#endSteps(now);
    const current = this.#current;
    const last = this.#last;
    this.#last = sample;
    current.connections = sample.connections;
    for (const series of longest) current[series] = Math.max(current[series], sample[series]);
    for (const series of summed) current[series] += Math.max(0, sample[series] - (last?.[series] ?? 0));
    const before = new Map(last?.refusals);
    current.refusals = addCounts(
      current.refusals,
      sample.refusals.map(([cause, total]) => [cause, total - (before.get(cause) ?? 0)] as const),
    );
  }

  /** The steps, as the same object until the next one ends, and how long ago the last one ended, in milliseconds. */
  describe(now: number): { readonly history: HistorySummary; readonly endedMs: number } {
    this.#endSteps(now);
    this.#told ??= this.#describeSteps();
    return { history: this.#told, endedMs: Math.round(now - this.#startedAt) };
  }

  #describeSteps(): HistorySummary {
    const points = (series: Series): number[] => this.#steps.map((step) => Math.round(step[series]));
    return {
      stepMs,
      connections: points('connections'),
      messages: points('messages'),
      deliveries: points('deliveries'),
      migrated: points('migrated'),
      failedOver: points('failedOver'),
      fellBack: points('fellBack'),
      pauseMs: points('pauseMs'),
      loopDelayMs: points('loopDelayMs'),
      storeMs: points('storeMs'),
      refusals: this.#refusals(),
    };
  }

  /** Ends the steps that are over. Of a process that was stopped for longer than a history lasts, the steps before that are forgotten. */
  #endSteps(now: number): void {
    const over = Math.floor((now - this.#startedAt) / stepMs);
    if (over < 1) return;
    this.#told = undefined;
    for (let ended = 0; ended < Math.min(over, mostSteps); ended++) {
      this.#steps.push(this.#current);
      this.#current = emptyStep(this.#current.connections);
    }
    this.#startedAt += over * stepMs;
    if (this.#steps.length > mostSteps) this.#steps.splice(0, this.#steps.length - mostSteps);
  }

  /** The newest ones, as many as a summary has room for. */
  #refusals(): [number, string, number][] {
    const refusals: [number, string, number][] = [];
    for (let back = 0; back < this.#steps.length; back++) {
      for (const [cause, count] of this.#steps[this.#steps.length - 1 - back]?.refusals ?? []) {
        if (refusals.length >= mostListed.refusals) return refusals;
        refusals.push([back, shortName(cause), count]);
      }
    }
    return refusals;
  }
}

function emptyStep(connections: number): Step {
  return {
    connections,
    messages: 0,
    deliveries: 0,
    migrated: 0,
    failedOver: 0,
    fellBack: 0,
    pauseMs: 0,
    loopDelayMs: 0,
    storeMs: 0,
    refusals: [],
  };
}

function addCounts(
  to: readonly (readonly [string, number])[],
  counts: readonly (readonly [string, number])[],
): readonly (readonly [string, number])[] {
  const more = counts.filter(([, count]) => count > 0);
  if (more.length === 0) return to;
  const sums = new Map(to);
  for (const [cause, count] of more) sums.set(cause, (sums.get(cause) ?? 0) + count);
  return [...sums];
}
