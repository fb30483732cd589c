import type { NotStopped } from './followed-connection.ts';

/**
 * Why a connection stays where it is: it has no stream, what it sends cannot be read elsewhere, or there is no agent before it that could move it.
 */
export type CannotMigrate = 'polling' | 'compressed' | 'no agent';

/** What became of sessions. */
export interface MigrationCounts {
  /** Handed over to whoever goes on with them. */
  handedOver: number;
  /** Taken over from another node. */
  resumed: number;
  /** Could not be handed over, by cause. */
  readonly failed: Record<NotStopped | 'not admitted' | 'too late' | 'not kept' | CannotMigrate, number>;
  /** Handed over although their clients had not been stopped, by why they had not. */
  readonly notStopped: Record<NotStopped, number>;
  /** Acks that handlers had not sent when their session migrated. */
  unanswered: number;
}
