import type { EventLoopDelay, Metrics } from '@gopush/service';
import type { Store } from '@gopush/store';
import { describeClients } from './client-metrics.ts';
import { describeFanout } from './fanout-metrics.ts';
import { describeMessages } from './message-metrics.ts';
import type { ServerView } from './server-view.ts';
import { describeSessions } from './session-metrics.ts';

/** Describes the metrics of a push-server. All are read when they are asked for. */
export function describeMetrics(metrics: Metrics, view: ServerView, eventLoop: EventLoopDelay): void {
  describeClients(metrics, view);
  describeMessages(metrics, view);
  describeSessions(metrics, view);
  describeFanout(metrics, view.fanout);
  describeStore(metrics, view.store);
  metrics.gauge('event_loop_delay_seconds', 'Delay of the event loop in the last second, 99th percentile.', (set) =>
    set(eventLoop.lastMs() / 1_000),
  );
}

function describeStore(metrics: Metrics, store: Store): void {
  metrics.gauge('store_up', 'Whether the store can be read and written.', (set) => set(store.state() === 'up' ? 1 : 0));
  metrics.gauge('store_full', 'Whether the store has no space for messages.', (set) =>
    set(store.state() === 'full' ? 1 : 0),
  );
  metrics.gauge('store_used_bytes', 'Bytes used by the store; with Redis, all that its servers use.', (set) => {
    const used = store.usedBytes();
    if (used !== undefined) set(used);
  });
}
