import { type Summary, summarySchema } from './summary.ts';

/**
 * Reads a stored summary.
 *
 * @returns `undefined` for bytes that are none: damaged, written by another version, or by somebody else
 */
export function readSummary(payload: Buffer): Summary | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  return summarySchema.safeParse(value).data;
}
