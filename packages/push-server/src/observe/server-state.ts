import type { Config } from '@gopush/contract';
import { countRooms, countTransports, type ServerView } from './server-view.ts';

/** What `/state` of a push-server shows. */
export function describeServer(view: ServerView, { pushServer }: Config): object {
  const { node, fanout, store, limits, counts, moves } = view;
  return {
    node,
    clients: countTransports(view),
    ...countRooms(view),
    sendQueueBytes: limits.queuedBytes(),
    fanout: { kind: fanout.kind, state: fanout.state(), name: fanout.bus.node },
    store: { kind: store.kind, state: store.state() },
    counts: { ...counts, deliveries: limits.deliveries() },
    sessions: moves,
    refused: Object.fromEntries(limits.tally.refused),
    closed: Object.fromEntries(limits.tally.closed),
    limits: pushServer.limits,
  };
}
