import type { ClusterState } from '@gopush/cluster';
import { age, bytes, count, duration, milliseconds } from './format.ts';
import { handedShare, stateOf } from './map-lines.ts';
import type { Node } from './use-act.ts';

/** A box of the map. */
export interface Place {
  readonly id: string;
  readonly title: string;
  readonly texts: readonly string[];
  /** State of the node or target; absent: it has none. */
  readonly state?: string;
  /** What else is told after its name, such as its machine; absent: nothing. */
  readonly more?: string;
  readonly weight: number;
}

/** What stands in the columns of the map: agents, products, targets. */
export function placesOf({ nodes, products, at }: ClusterState): Place[][] {
  const agents = nodes.filter(({ tier, state }) => tier === 'agent' && state !== 'left');
  // If all are on one machine, its name says nothing.
  const isOne = new Set(nodes.map(({ host }) => host)).size < 2;
  const on = (host: string | undefined): string => (isOne || host === undefined ? '' : ` · on ${host}`);
  const targets = products.flatMap(({ product, targets: list }) => list.map((target) => ({ product, target })));
  return [
    agents.map((node) => ({
      id: `agent ${node.id}`,
      title: node.name,
      texts: textsOf(node, at),
      state: node.state,
      more: on(node.host),
      weight: node.clients.connections,
    })),
    products.map(({ product, connections, perSecond, targets: list }) => ({
      id: `product ${product}`,
      title: product,
      texts: [
        `${count(connections)} conn · ${count(perSecond)} msg/s`,
        list.length === 1 ? '1 target' : `${count(list.length)} targets`,
      ],
      weight: connections,
    })),
    targets.map(({ product, target }) => {
      const node = nodes.find(({ id }) => id === target.node);
      return {
        id: `target ${product} ${target.node ?? target.target}`,
        title: node?.name ?? target.target,
        texts: node === undefined ? [target.why ?? 'not a push-server'] : textsOf(node, at),
        state: stateOf(target, nodes),
        more: on(node?.host),
        weight: target.connections,
      };
    }),
  ];
}

/** How a node is, in two rows. */
function textsOf({ clients, version, process, startedAt, seenAt, state }: Node, at: number): string[] {
  if (state === 'gone' || state === 'left') return [`ended ${duration(at - seenAt)} ago`];
  const handed = handedShare(clients);
  const alone = clients.ownedAlone > 0 ? `, ${count(clients.ownedAlone)} alone` : '';
  return [
    `${count(clients.connections)} conn${handed === undefined ? '' : ` · ${handed} % handed over${alone}`}`,
    `${version} · ${age(at - startedAt)} · loop ${milliseconds(process.loopDelayMs)} · ${bytes(process.rssBytes)}`,
  ];
}
