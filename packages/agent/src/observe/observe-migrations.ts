import { Moves, Pauses } from '@gopush/cluster';
import { type Logger, type Metrics, waitBuckets } from '@gopush/service';
import type { Member } from '../route/fleet.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { round } from './round.ts';

/** Counts of sessions that migrated, failed over or could do neither, since the start. */
interface MigrationCounts {
  migrated: number;
  failedOver: number;
  /** Sessions whose clients had to reconnect, by cause. */
  readonly fellBack: ReadonlyMap<string, number>;
  readonly pauses: Pauses;
  readonly moves: Moves;
}

/** Writes the lines and counts of sessions that migrate or fail over. */
export interface MigrationObserver {
  readonly migrationCounts: Readonly<MigrationCounts>;
  /** A session migrated (planned) or failed over (crash) to another target. */
  migrated(tunnel: Pick<Tunnel, 'info'>, from: Member, cause: 'planned' | 'crash', pauseMs: number): void;
  /** A session could neither migrate nor fail over. */
  fellBack(tunnel: Pick<Tunnel, 'info'>, from: Member, cause: string): void;
  /** The target of a session without a tunnel cannot be reached: its client begins a new session at another target. */
  sessionLost(): void;
  /** The target of a tunnel that cannot migrate is gone. */
  cannotMigrate(cause: string): void;
}

/** @param lines - whether each session that migrates gets a line */
export function observeMigrations(metrics: Metrics, log: Logger, lines: boolean): MigrationObserver {
  const moves = metrics.counter(
    'moves_total',
    'Sessions that migrated (planned) or failed over (crash) to another target, by cause.',
    ['cause'],
  );
  const pauses = metrics.histogram(
    'move_pause_seconds',
    'How long clients waited while their session migrated or failed over.',
    waitBuckets,
  );
  const fallbacks = metrics.counter(
    'move_fallbacks_total',
    'Sessions that could neither migrate nor fail over, so that their clients had to reconnect, by cause.',
    ['cause'],
  );
  const byCause = new Map<string, number>();
  const moved = new Moves();
  const migrationCounts: MigrationCounts = {
    ...{ migrated: 0, failedOver: 0, fellBack: byCause },
    ...{ pauses: new Pauses(), moves: moved },
  };
  const countFallback = (cause: string): void => {
    fallbacks.inc({ cause });
    byCause.set(cause, (byCause.get(cause) ?? 0) + 1);
  };
  return {
    migrationCounts,
    migrated({ info }, from, cause, pauseMs) {
      moves.inc({ cause });
      pauses.observe(pauseMs / 1_000);
      const outcome = cause === 'crash' ? 'failedOver' : 'migrated';
      const now = performance.now();
      migrationCounts[outcome]++;
      migrationCounts.pauses.add(pauseMs, now);
      moved.add({ product: info.product, target: from.target.name, outcome, pauseMs }, now);
      if (!lines) return;
      const { id, uid, product, member } = info;
      log.info(
        {
          id,
          uid: uid || undefined,
          product,
          from: from.target.name,
          to: member.target.name,
          cause,
          pauseMs: round(pauseMs),
        },
        cause === 'crash' ? 'session failed over' : 'session migrated',
      );
    },
    fellBack({ info }, from, cause) {
      countFallback(cause);
      const { id, uid, product } = info;
      moved.add({ product, target: from.target.name, outcome: 'fellBack', pauseMs: 0 }, performance.now());
      log.warn(
        { id, uid: uid || undefined, product, from: from.target.name, cause },
        'a session could not migrate or fail over; its client has to reconnect',
      );
    },
    sessionLost: () => countFallback('polling'),
    cannotMigrate: countFallback,
  };
}
