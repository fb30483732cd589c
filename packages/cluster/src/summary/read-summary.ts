import { type HistorySummary, historySchema, type Summary, summarySchema } from './summary.ts';

/** A stored summary. */
export interface StoredSummary {
  readonly summary: Summary;
  /** Its history, for `readHistory`: it is half of the bytes, and changes every ten seconds only. */
  readonly history: Buffer;
}

/**
 * Reads a stored summary: a line of JSON, and its history as another one.
 *
 * @returns `undefined` for bytes that are none: damaged, written by another version, or by somebody else
 */
export function readSummary(payload: Buffer): StoredSummary | undefined {
  const found = payload.indexOf('\n');
  const end = found === -1 ? payload.length : found;
  const summary = summarySchema.safeParse(parse(payload.toString('utf8', 0, end))).data;
  return summary && { summary, history: payload.subarray(end) };
}

/** @returns `undefined` for bytes that are no history */
export function readHistory(history: Buffer): HistorySummary | undefined {
  return historySchema.safeParse(parse(history.toString())).data;
}

/** @returns `undefined` for a text that is no JSON */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
