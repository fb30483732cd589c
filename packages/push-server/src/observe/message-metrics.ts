import type { Metrics } from '@gopush/service';
import type { ServerView } from './server-view.ts';

/** Describes what was published here, kept, and delivered. */
export function describeMessages(metrics: Metrics, { counts, limits, webhooks }: ServerView): void {
  const total = (name: string, help: string, read: () => number): void =>
    metrics.total(name, help, (set) => set(read()));
  total('published_total', 'Messages published here to rooms, users and everyone.', () => counts.published);
  total('kept_total', 'Messages published here and stored in the history.', () => counts.kept);
  total('not_kept_total', 'Messages that could not be stored.', () => counts.notKept);
  total('deliveries_total', 'Messages delivered to connections of clients.', () => limits.deliveries());
  total(
    'repeated_total',
    'Repeated messages with an id that were recognized without the store and not delivered again.',
    () => counts.repeated,
  );
  total(
    'undecodable_total',
    'Stored messages that could not be decoded: damaged, or written by another version.',
    () => counts.undecodable,
  );
  total('gaps_total', 'Gaps in rooms that were reported to clients.', () => counts.gaps);
  metrics.gauge('webhook_waiting_events', 'Events queued for webhooks.', (set) => set(webhooks.waiting()));
  metrics.total(
    'webhook_events_total',
    'Events for webhooks, by result; retried counts each retry.',
    (set) => {
      for (const [result, count] of Object.entries(webhooks.counts)) set(count, { result });
    },
    ['result'],
  );
}
