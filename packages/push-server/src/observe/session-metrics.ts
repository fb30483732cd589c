import type { Metrics } from '@gopush/service';
import type { ServerView } from './server-view.ts';

/** Describes what became of sessions whose clients came back, and of those that migrated. */
export function describeSessions(metrics: Metrics, view: ServerView): void {
  const { counts, emittedEvents, migration, recovery } = view;
  metrics.total(
    'recoveries_total',
    'Clients that returned with a position in a room, by whether the history reached back to it.',
    (set) => {
      set(counts.recovered, { result: 'hit' });
      set(counts.notRecovered, { result: 'miss' });
    },
    ['result'],
  );
  metrics.total(
    'recoveries_refused_total',
    'Clients that returned and got a new session because events of programs were missing, by cause.',
    (set) => {
      for (const [cause, count] of Object.entries(recovery.notWhole)) set(count, { cause });
    },
    ['cause'],
  );
  metrics.gauge('emitted_kept_bytes', 'Bytes of events of programs that are kept for clients that return.', (set) =>
    set(emittedEvents.kept.bytes),
  );
  metrics.total('sessions_given_total', 'Sessions given to another push-server.', (set) => set(migration.given));
  metrics.total('sessions_taken_total', 'Sessions taken from another push-server.', (set) => set(migration.taken));
  metrics.total('sessions_unanswered_total', 'Acks that handlers had not sent when their session migrated.', (set) =>
    set(migration.unanswered),
  );
  metrics.total(
    'sessions_not_given_total',
    'Sessions that could not be given to another push-server, by cause.',
    (set) => {
      for (const [cause, count] of Object.entries(migration.failed)) set(count, { cause });
    },
    ['cause'],
  );
  metrics.total(
    'sessions_not_stopped_total',
    'Sessions given although their clients had not been stopped, by cause: they fail over as after a crash.',
    (set) => {
      for (const [cause, count] of Object.entries(migration.notStopped)) set(count, { cause });
    },
    ['cause'],
  );
}
