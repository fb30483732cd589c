import type { Config } from '@gopush/contract';
import type { Fanout } from '../fanout/bus/fanout.ts';
import { countHandedOver, countRooms, countTransports, type ServerView } from './server-view.ts';

/** The response to `/state`. */
export function describeServer(view: ServerView, { pushServer }: Config): object {
  const { node, fanout, store, limits, counts } = view;
  return {
    node,
    clients: countTransports(view),
    ...countRooms(view),
    sendQueueBytes: limits.queuedBytes(),
    fanout: describeFanout(fanout),
    store: { kind: store.kind, state: store.state() },
    counts: { ...counts, deliveries: limits.deliveries() },
    sessions: view.migration,
    handOff: describeHandOff(view),
    refused: Object.fromEntries(limits.tally.refused),
    closed: Object.fromEntries(limits.tally.closed),
    limits: pushServer.limits,
  };
}

function describeHandOff(view: ServerView): object {
  const { handOffs } = view;
  if (handOffs === undefined) return { state: 'disabled' };
  const { state, whyNot } = handOffs;
  return { state, ...(whyNot === undefined ? {} : { reason: whyNot }), owners: countHandedOver(view) };
}

function describeFanout(fanout: Fanout): object {
  const problem = fanout.problem();
  return {
    kind: fanout.kind,
    state: problem === undefined ? 'up' : 'down',
    ...(problem === undefined ? {} : { problem }),
    name: fanout.bus.node,
    ...fanout.counts(),
  };
}
