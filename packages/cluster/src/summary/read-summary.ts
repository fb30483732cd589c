import { type RouterFacts, routerSchema } from './router-state.ts';
import { type HistorySummary, historySchema, type Summary, summarySchema } from './summary.ts';

/** A stored summary. */
export interface StoredSummary {
  readonly summary: Summary;
  /** Its history, for `readHistory`: it is half of the bytes, and changes every ten seconds only. */
  readonly history: Buffer;
  /** The router of an agent, for `readRouter`; empty if it tells none. */
  readonly router: Buffer;
}

/**
 * Reads a stored summary: a line of JSON, its history as another one, and its router as a third one.
 *
 * @returns `undefined` for bytes that are none: damaged, written by another version, or by somebody else
 */
export function readSummary(payload: Buffer): StoredSummary | undefined {
  const found = payload.indexOf('\n');
  const end = found === -1 ? payload.length : found;
  const summary = summarySchema.safeParse(parse(payload.toString('utf8', 0, end))).data;
  const next = payload.indexOf('\n', end + 1);
  const last = next === -1 ? payload.length : next;
  return summary && { summary, history: payload.subarray(end, last), router: payload.subarray(last) };
}

/** @returns `undefined` for bytes that are no history */
export function readHistory(history: Buffer): HistorySummary | undefined {
  return historySchema.safeParse(parse(history.toString())).data;
}

/** @returns `undefined` for bytes that are no router */
export function readRouter(router: Buffer): RouterFacts | undefined {
  return routerSchema.safeParse(parse(router.toString())).data;
}

/** @returns `undefined` for a text that is no JSON */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
