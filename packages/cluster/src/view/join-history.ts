import { z } from 'zod';
import { type HistorySummary, mostListed } from '../summary/summary.ts';

/** Length of a step, in milliseconds, and number of steps: 15 minutes. */
const stepMs = 10_000;
const steps = 90;

/** A node whose summary is younger is there, in milliseconds. */
const hereMs = 4_000;

const summed = ['connections', 'messages', 'deliveries', 'migrated', 'failedOver', 'fellBack'] as const;
const largest = ['pauseMs', 'loopDelayMs', 'storeMs'] as const;

const points = z.array(z.number().min(0)).length(steps);

/** Numbers of all nodes of a tier in each step. */
const tierHistory = z.strictObject({
  connections: points.meta({ description: 'Open connections at the end of each step.' }),
  messages: points.meta({ description: 'Messages in each step; divide by stepMs / 1000 for a rate.' }),
  deliveries: points,
  migrated: points,
  failedOver: points,
  fellBack: points,
  pauseMs: points.meta({ description: 'Longest pause of a client, in milliseconds.' }),
  loopDelayMs: points.meta({ description: 'Longest delay of an event loop, in milliseconds.' }),
  storeMs: points.meta({ description: 'Slowest write of a summary to the store, in milliseconds.' }),
});

/** The response to `GET /cluster/history`. */
export const historySchema = z.strictObject({
  v: z.literal(1),
  at: z.number().meta({ description: 'End of the last step, in milliseconds since 1970.' }),
  stepMs: z.number(),
  tiers: z.record(z.string(), tierHistory),
  refusals: z
    .array(z.strictObject({ cause: z.string(), counts: points }))
    .meta({ description: 'The most frequent refusals, by failure code.' }),
});

/** The last 15 minutes of a cluster, oldest step first. */
export type ClusterHistory = z.output<typeof historySchema>;

type TierHistory = ClusterHistory['tiers'][string];

/** The history that one node has told. */
export interface ToldHistory {
  readonly tier: string;
  /** Age of its summary, in milliseconds. */
  readonly ageMs: number;
  /** How long before its summary the last step ended, in milliseconds. */
  readonly endedMs: number;
  readonly history: HistorySummary;
}

/**
 * Joins the histories of nodes, also of those that have ended. Nodes end their steps at the same times, as far as their clocks agree: each node has
 * one point in each step, which is at most a step off.
 *
 * @param at - now, in milliseconds since 1970
 */
export function joinHistory(told: readonly ToldHistory[], at: number): ClusterHistory {
  const tiers = new Map<string, TierHistory>();
  const refusals = new Map<string, number[]>();
  const lastMs = lastEndedMs(told);
  for (const { tier: name, ageMs, endedMs, history } of told) {
    // A later version may have other steps.
    if (history.stepMs !== stepMs) continue;
    const tier = tiers.get(name) ?? emptyTier();
    tiers.set(name, tier);
    // -1: it has reported a step that others have not reported yet. That step is left out until they have.
    const back = Math.round((ageMs + endedMs - lastMs) / stepMs);
    for (const series of summed) addPoints(tier[series], history[series], back, (a, b) => a + b);
    for (const series of largest) addPoints(tier[series], history[series], back, Math.max);
    for (const [stepsBack, cause, count] of history.refusals) {
      const step = steps - 1 - back - stepsBack;
      if (step < 0 || step >= steps) continue;
      const counts = refusals.get(cause) ?? emptyPoints();
      refusals.set(cause, counts);
      counts[step] = (counts[step] ?? 0) + count;
    }
  }
  return { v: 1, at: at - lastMs, stepMs, tiers: Object.fromEntries(tiers), refusals: mostFrequent(refusals) };
}

/** How long ago the last step ended that all live nodes have reported. */
function lastEndedMs(told: readonly ToldHistory[]): number {
  const here = told.filter(({ ageMs }) => ageMs < hereMs).map(({ ageMs, endedMs }) => ageMs + endedMs);
  return here.length === 0 ? 0 : Math.max(...here);
}

/** @param back - how many steps before the last one of the cluster the last point is */
function addPoints(
  to: number[],
  values: readonly number[],
  back: number,
  join: (one: number, other: number) => number,
): void {
  for (let index = 0; index < values.length; index++) {
    const step = steps - 1 - back - (values.length - 1 - index);
    if (step >= 0 && step < steps) to[step] = join(to[step] ?? 0, values[index] ?? 0);
  }
}

function mostFrequent(refusals: ReadonlyMap<string, number[]>): ClusterHistory['refusals'] {
  const all = [...refusals].map(([cause, counts]) => ({ cause, counts, sum: counts.reduce((a, b) => a + b, 0) }));
  all.sort((a, b) => b.sum - a.sum);
  return all.slice(0, mostListed.causes).map(({ cause, counts }) => ({ cause, counts }));
}

function emptyTier(): TierHistory {
  return {
    connections: emptyPoints(),
    messages: emptyPoints(),
    deliveries: emptyPoints(),
    migrated: emptyPoints(),
    failedOver: emptyPoints(),
    fellBack: emptyPoints(),
    pauseMs: emptyPoints(),
    loopDelayMs: emptyPoints(),
    storeMs: emptyPoints(),
  };
}

function emptyPoints(): number[] {
  return new Array<number>(steps).fill(0);
}
