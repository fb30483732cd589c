import type { FailureCode } from '@gopush/contract';

/** How often clients were refused something, and how often one was sent away, by cause. */
export interface Tally {
  readonly refused: ReadonlyMap<FailureCode, number>;
  readonly closed: ReadonlyMap<FailureCode, number>;
  countRefused(code: FailureCode): void;
  countClosed(code: FailureCode): void;
}

/** Opens the counts of a push-server. */
export function createTally(): Tally {
  const refused = new Map<FailureCode, number>();
  const closed = new Map<FailureCode, number>();
  const add = (counts: Map<FailureCode, number>, code: FailureCode): void =>
    void counts.set(code, (counts.get(code) ?? 0) + 1);
  return {
    refused,
    closed,
    countRefused: (code) => add(refused, code),
    countClosed: (code) => add(closed, code),
  };
}
