import type { NotStopped } from './followed-connection.ts';

/**
 * Why a session cannot migrate: see `whyBoundHere`; `no agent`: nothing before this node keeps its client's connection.
 */
export type CannotMigrate = 'polling' | 'compressed' | 'no agent';

/** Counts of sessions, by their outcome. */
export interface MigrationCounts {
  /** Given to another push-server. */
  given: number;
  /** Taken from another push-server. */
  taken: number;
  /** Not given, by cause. */
  readonly failed: Record<NotStopped | 'not admitted' | 'too late' | 'not kept' | CannotMigrate, number>;
  /** Given although their clients had not stopped, by the reason why they had not. */
  readonly notStopped: Record<NotStopped, number>;
  /** Acks that handlers had not sent when their session migrated. */
  unanswered: number;
}

/** Counts from zero. */
export function createMigrationCounts(): MigrationCounts {
  const notStopped = { 'mid-event': 0, silent: 0 };
  const failed = {
    ...notStopped,
    'not admitted': 0,
    'too late': 0,
    'not kept': 0,
    polling: 0,
    compressed: 0,
    'no agent': 0,
  };
  return { given: 0, taken: 0, failed, notStopped, unanswered: 0 };
}
