import type { Dependencies } from './open-dependencies.ts';
import type { Realtime } from './open-realtime.ts';
import type { Servers } from './open-servers.ts';
import type { Settings } from './settings.ts';

/** Shows the metrics and the state of the push-server on its admin listener, where `PUT /drain` gives away its sessions. */
export function observe(
  { node, config: { pushServer } }: Settings,
  { observation, announcement, fanout, store, webhooks }: Dependencies,
  { http, io, limits, handOffs }: Servers,
  { rooms, sessions, api }: Realtime,
): void {
  const { migration, recovery, emittedEvents } = sessions.parts;
  const drain = async (): Promise<string> => {
    // Agents whose router lists its address have not discovered it, and learn it from this.
    limits.starts.drain();
    await announcement.draining();
    observation.changed();
    await migration.drain(pushServer.drainMs, { stays: true });
    return `${migration.counts.given} sessions were given to other push-servers`;
  };
  observation.show(
    {
      node,
      io,
      fanout,
      store,
      limits,
      counts: rooms.counts,
      migration: migration.counts,
      recovery: recovery.counts,
      emittedEvents,
      listeners: api.listeners,
      webhooks,
      handOffs,
      announcement,
      push: rooms.push,
      streams: rooms.streams,
      drain,
    },
    http,
  );
}
