import { shortName } from '../summary/short-name.ts';
import type { MovesSummary } from '../summary/summary.ts';
import { mostListed } from '../summary/summary.ts';

/** What became of a session whose target drained, ended or crashed. */
type MoveOutcome = 'migrated' | 'failedOver' | 'fellBack';

/** A session that moved away from a target. */
interface Move {
  readonly product: string;
  /** The target that it left. */
  readonly target: string;
  readonly outcome: MoveOutcome;
  /** How long the client waited; 0 if it has to reconnect. */
  readonly pauseMs: number;
}

/** After how long without a session that moves the next one counts as a new run, in milliseconds. */
const quietMs = 15_000;

/** How long a run is remembered, in milliseconds. */
const rememberMs = 900_000;

/** Sessions that moved away from a target, one soon after the other. */
interface Run {
  readonly product: string;
  readonly target: string;
  readonly startedAt: number;
  endedAt: number;
  migrated: number;
  failedOver: number;
  fellBack: number;
  longestPauseMs: number;
}

/** Runs of sessions that moved away from a target: what a restart of a push-server looks like at an agent. The newest ones are remembered. */
export class Moves {
  readonly #runs: Run[] = [];

  add({ product, target, outcome, pauseMs }: Move, now: number): void {
    let run = this.#runs.findLast((one) => one.target === target && one.product === product);
    if (run === undefined || now - run.endedAt > quietMs) {
      run = {
        ...{ product, target, startedAt: now - pauseMs, endedAt: now },
        ...{ migrated: 0, failedOver: 0, fellBack: 0, longestPauseMs: 0 },
      };
      this.#runs.push(run);
      if (this.#runs.length > mostListed.moves) this.#runs.shift();
    }
    run[outcome]++;
    run.endedAt = now;
    run.longestPauseMs = Math.max(run.longestPauseMs, pauseMs);
  }

  /** The runs of the last 15 minutes, the newest first. */
  describe(now: number): MovesSummary[] {
    const recent = this.#runs.filter(({ endedAt }) => now - endedAt <= rememberMs).reverse();
    return recent.map(({ product, target, startedAt, endedAt, longestPauseMs, ...counts }) => ({
      product: shortName(product),
      target: shortName(target),
      startedMs: Math.max(0, Math.round(now - startedAt)),
      endedMs: Math.max(0, Math.round(now - endedAt)),
      ...counts,
      longestPauseMs: Math.round(longestPauseMs * 10) / 10,
    }));
  }
}
