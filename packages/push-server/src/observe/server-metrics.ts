import { type EventLoopDelay, type Metrics, waitBuckets } from '@gopush/service';
import type { OnApiRequest } from '../api/handle-api.ts';
import type { OnStoreCall } from './measure-store.ts';
import { countRooms, countTransports, type ServerView } from './server-view.ts';

/** The histogram of what the store takes. */
export function describeStoreCalls(metrics: Metrics): OnStoreCall {
  const durations = metrics.histogram(
    'store_call_duration_seconds',
    'Duration of store calls, by operation and result.',
    waitBuckets,
    ['operation', 'result'],
  );
  return (operation, seconds, result) => durations.observe({ operation, result }, seconds);
}

/** How many requests the API answers, and how fast. */
export function describeApiRequests(metrics: Metrics): OnApiRequest {
  const requests = metrics.counter(
    'api_requests_total',
    'Requests to the HTTP API, by route and status; route none: refused before the route was known.',
    ['route', 'status'],
  );
  const durations = metrics.histogram(
    'api_request_duration_seconds',
    'Duration of requests to the HTTP API, by route; for listen: until listening started.',
    waitBuckets,
    ['route'],
  );
  return (route, status, seconds) => {
    requests.inc({ route, status });
    durations.observe({ route }, seconds);
  };
}

/** Metrics that are read off what a push-server has, when they are asked for. */
export function describeMetrics(metrics: Metrics, view: ServerView, eventLoop: EventLoopDelay): void {
  const { counts, fanout, limits, listeners, moves, store, webhooks } = view;
  metrics.gauge(
    'clients',
    'Connected clients, by transport.',
    (set) => {
      for (const [transport, count] of Object.entries(countTransports(view))) set(count, { transport });
    },
    ['transport'],
  );
  metrics.gauge('rooms', 'Rooms with clients on this push-server.', (set) => set(countRooms(view).rooms));
  metrics.gauge('users', 'Users with clients on this push-server.', (set) => set(countRooms(view).users));
  metrics.gauge(
    'listeners',
    'Listeners of the HTTP API, by kind.',
    (set) => {
      for (const [kind, count] of Object.entries(listeners.open())) set(count, { kind });
    },
    ['kind'],
  );
  metrics.gauge('webhook_waiting_events', 'Events queued for webhooks.', (set) => set(webhooks.waiting()));
  metrics.gauge('send_queue_bytes', 'Bytes queued for all clients.', (set) => set(limits.queuedBytes()));
  metrics.gauge('fanout_up', 'Whether other push-servers can be reached.', (set) =>
    set(fanout.problem() === undefined ? 1 : 0),
  );
  describeFanoutCounts(metrics, view);
  metrics.gauge('store_up', 'Whether the store can be read and written.', (set) => set(store.state() === 'up' ? 1 : 0));
  metrics.gauge('store_full', 'Whether the store has no space for messages.', (set) =>
    set(store.state() === 'full' ? 1 : 0),
  );
  metrics.gauge('store_used_bytes', 'Bytes used by a store in a folder.', (set) => {
    const used = store.usedBytes();
    if (used !== undefined) set(used);
  });
  metrics.gauge('event_loop_delay_seconds', 'Delay of the event loop in the last second, 99th percentile.', (set) =>
    set(eventLoop.lastMs() / 1_000),
  );
  const total = (name: string, help: string, read: () => number): void =>
    metrics.total(name, help, (set) => set(read()));
  total('published_total', 'Messages published here to rooms, users and everyone.', () => counts.published);
  total('kept_total', 'Messages published here and stored in the history.', () => counts.kept);
  total('not_kept_total', 'Messages that could not be stored.', () => counts.notKept);
  total('deliveries_total', 'Messages delivered to connections of clients.', limits.deliveries);
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
      for (const [cause, count] of Object.entries(view.recovery.notWhole)) set(count, { cause });
    },
    ['cause'],
  );
  metrics.gauge('emitted_kept_bytes', 'Bytes of events of programs that are kept for clients that return.', (set) =>
    set(view.emittedEvents.kept.bytes),
  );
  total('sessions_handed_over_total', 'Sessions given to another push-server.', () => moves.given);
  total('sessions_resumed_total', 'Sessions taken from another push-server.', () => moves.taken);
  total(
    'sessions_unanswered_total',
    'Acks that handlers had not sent when their session migrated.',
    () => moves.unanswered,
  );
  metrics.total(
    'sessions_not_handed_over_total',
    'Sessions that could not be given to another push-server, by cause.',
    (set) => {
      for (const [cause, count] of Object.entries(moves.failed)) set(count, { cause });
    },
    ['cause'],
  );
  metrics.total(
    'sessions_not_stopped_total',
    'Sessions given although their clients had not been stopped, by cause: they fail over as after a crash.',
    (set) => {
      for (const [cause, count] of Object.entries(moves.notStopped)) set(count, { cause });
    },
    ['cause'],
  );
  const byCause = (name: string, help: string, causes: ReadonlyMap<string, number>): void =>
    metrics.total(
      name,
      help,
      (set) => {
        for (const [code, count] of causes) set(count, { code });
      },
      ['code'],
    );
  byCause('refusals_total', 'Refusals of clients, by code of the failure table.', limits.tally.refused);
  byCause('kills_total', 'Clients that were disconnected, by code of the failure table.', limits.tally.closed);
  metrics.total(
    'fanout_drops_total',
    'Connections to other push-servers that this one closed, by cause: silent, behind in reading, malformed, no greeting.',
    (set) => {
      for (const [cause, count] of fanout.drops) set(count, { cause });
    },
    ['cause'],
  );
  byCause('listeners_ended_total', 'Ended listeners, by cause.', listeners.ended);
  metrics.total(
    'webhook_events_total',
    'Events for webhooks, by result; retried counts each retry.',
    (set) => {
      for (const [result, count] of Object.entries(webhooks.counts)) set(count, { result });
    },
    ['result'],
  );
}

/** What tells whether other push-servers are reached; nothing where that cannot go wrong silently. */
function describeFanoutCounts(metrics: Metrics, { fanout }: ServerView): void {
  if (fanout.counts() === undefined) return;
  metrics.gauge(
    'fanout_peers',
    'Other push-servers that are alive, by whether their messages arrive here.',
    (set) => {
      const { expected, missing } = fanout.counts()?.peers ?? { expected: 0, missing: 0 };
      set(expected - missing, { state: 'heard' });
      set(missing, { state: 'missing' });
    },
    ['state'],
  );
  metrics.total(
    'fanout_gaps_total',
    'Possible losses of messages from other push-servers, after which all rooms checked their history.',
    (set) => set(fanout.counts()?.gaps ?? 0),
  );
  metrics.total(
    'fanout_reconnects_total',
    'Reconnects to Redis, by cause: moved (the address leads to another server), silent (nothing was received).',
    (set) => {
      for (const [cause, count] of Object.entries(fanout.counts()?.reconnects ?? {})) set(count, { cause });
    },
    ['cause'],
  );
}

/** Between two pings, in milliseconds. */
const pingMs = 5_000;

/**
 * Measures how long a message takes over the fan-out and back.
 *
 * @returns stops it
 */
export function measureLag(metrics: Metrics, { fanout }: ServerView): () => void {
  const lag = metrics.histogram(
    'fanout_lag_seconds',
    'Round-trip time of messages to other push-servers, or to Redis.',
    waitBuckets,
  );
  const ping = (): void => fanout.bus.ping((ms) => lag.observe(ms / 1_000));
  ping();
  const timer = setInterval(ping, pingMs).unref();
  return () => clearInterval(timer);
}
