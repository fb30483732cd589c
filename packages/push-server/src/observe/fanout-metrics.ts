import { type Metrics, waitBuckets } from '@gopush/service';
import type { Fanout } from '../fanout/bus/fanout.ts';

/** Describes the fan-out: whether other push-servers are reached, and what may have been lost. */
export function describeFanout(metrics: Metrics, fanout: Fanout): void {
  metrics.gauge('fanout_up', 'Whether other push-servers can be reached.', (set) =>
    set(fanout.problem() === undefined ? 1 : 0),
  );
  metrics.total(
    'fanout_drops_total',
    'Connections to other push-servers that this one closed, by cause: silent, behind in reading, malformed, no greeting.',
    (set) => {
      for (const [cause, count] of fanout.drops) set(count, { cause });
    },
    ['cause'],
  );
  // A fan-out without counts cannot lose anything silently.
  if (fanout.counts() !== undefined) describeCounts(metrics, fanout);
}

function describeCounts(metrics: Metrics, fanout: Fanout): void {
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

/** Time between two pings, in milliseconds. */
const pingMs = 5_000;

/**
 * Measures how long a message takes over the fan-out and back.
 *
 * @returns stops it
 */
export function measureLag(metrics: Metrics, fanout: Fanout): () => void {
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
