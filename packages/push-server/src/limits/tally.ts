import type { FailureCode } from '@gopush/contract';

/** Counts refusals of clients, and clients that were disconnected, by failure code. */
export class Tally {
  readonly #refused = new Map<FailureCode, number>();
  readonly #closed = new Map<FailureCode, number>();

  get refused(): ReadonlyMap<FailureCode, number> {
    return this.#refused;
  }

  get closed(): ReadonlyMap<FailureCode, number> {
    return this.#closed;
  }

  countRefused(code: FailureCode): void {
    add(this.#refused, code);
  }

  countClosed(code: FailureCode): void {
    add(this.#closed, code);
  }
}

function add(counts: Map<FailureCode, number>, code: FailureCode): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}
