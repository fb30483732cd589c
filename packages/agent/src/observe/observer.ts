import type { Logger, Metrics } from '@gopush/service';
import { type MigrationObserver, observeMigrations } from './observe-migrations.ts';
import { observeRequests, type RequestObserver } from './observe-requests.ts';
import { observeTargets, type TargetObserver } from './observe-targets.ts';
import { observeTunnels, type TunnelObserver } from './observe-tunnels.ts';

/** Writes the log lines and counts of all that an agent does. */
export type Observer = RequestObserver & TunnelObserver & MigrationObserver & TargetObserver;

/**
 * Opens the observer of an agent.
 *
 * @param lines - whether each request, each tunnel and each session that migrates gets a line
 */
export function createObserver(metrics: Metrics, log: Logger, lines: boolean): Observer {
  const migrations = observeMigrations(metrics, log, lines);
  return {
    ...observeRequests(metrics, log, lines),
    ...observeTunnels(metrics, log, lines, migrations),
    ...migrations,
    ...observeTargets(metrics, log),
  };
}
