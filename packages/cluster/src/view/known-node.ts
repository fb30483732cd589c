import type { Summary } from '../summary/summary.ts';

/** A node of which there is a summary. */
export interface KnownNode {
  readonly summary: Summary;
  /** Its history, for `readHistory`. */
  readonly history: Buffer;
  /** Its router, for `readRouter`. */
  readonly router: Buffer;
  /** Age of its summary, in milliseconds. */
  readonly ageMs: number;
  /** Its state, or `gone` if it is silent. */
  readonly state: string;
}

/** After how long without a summary a node is gone, in milliseconds. */
export const goneMs = 4_000;

/** How late a summary may be without a reason, in milliseconds. */
const usualMs = 1_500;

/**
 * Finds out which nodes are there.
 *
 * @param reader - id of the node that asks. It lives, so that if its own summary is late the store was down, or its clock has jumped:
 *   the others are not gone for that
 */
export function judgeNodes(read: readonly Omit<KnownNode, 'state'>[], reader: string | undefined): KnownNode[] {
  const own = read.find(({ summary }) => summary.id === reader);
  const lateMs = own === undefined ? 0 : Math.max(0, own.ageMs - usualMs);
  return read.map((node) => {
    const { summary, ageMs } = node;
    const isGone = summary.state !== 'left' && ageMs - lateMs > goneMs;
    return { ...node, state: isGone ? 'gone' : summary.state };
  });
}

/** Whether a node is there, and its numbers count. */
export function isThere({ state }: Pick<KnownNode, 'state'>): boolean {
  return state !== 'gone' && state !== 'left';
}
