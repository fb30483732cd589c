import type { Metrics } from '@gopush/service';
import { countHandedOver, countRooms, countTransports, type ServerView } from './server-view.ts';

/** Describes the clients and listeners that are here, and those that were refused or disconnected. */
export function describeClients(metrics: Metrics, view: ServerView): void {
  const { limits, listeners } = view;
  metrics.gauge(
    'clients',
    'Connected clients, by transport.',
    (set) => {
      for (const [transport, count] of Object.entries(countTransports(view))) set(count, { transport });
    },
    ['transport'],
  );
  metrics.gauge(
    'handed_off',
    'Connections that agents have handed over, by their owners: one, this push-server alone; or two, an agent as well.',
    (set) => {
      for (const [owners, count] of Object.entries(countHandedOver(view))) set(count, { owners });
    },
    ['owners'],
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
  metrics.gauge('send_queue_bytes', 'Bytes queued for all clients.', (set) => set(limits.queuedBytes()));
  const byCode = (name: string, help: string, counts: ReadonlyMap<string, number>): void =>
    metrics.total(
      name,
      help,
      (set) => {
        for (const [code, count] of counts) set(count, { code });
      },
      ['code'],
    );
  byCode('refusals_total', 'Refusals of clients, by code of the failure table.', limits.tally.refused);
  byCode('kills_total', 'Clients that were disconnected, by code of the failure table.', limits.tally.closed);
  byCode('listeners_ended_total', 'Ended listeners, by cause.', listeners.ended);
}
