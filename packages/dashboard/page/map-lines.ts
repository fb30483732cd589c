import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';

type Causes = ClusterState['products'][number]['targets'][number]['causes'];

/** A line of the map: what goes from an agent to a product, or from a product to a target. */
export interface Line {
  readonly from: string;
  readonly to: string;
  /** Their names for people. */
  readonly fromName: string;
  readonly toName: string;
  readonly connections: number;
  /** Those of them that were handed over. */
  readonly handedOff: number;
  /** Messages each way, or requests, per second. */
  readonly perSecond: number;
  readonly errors: number;
  readonly causes: Causes;
  /** Of the target; `up` if it is a product. */
  readonly state: string;
}

/** All lines: from agents to products, then from products to targets. */
export function linesOf({ links, products, nodes }: ClusterState): Line[] {
  const nameOf = (id: string): string | undefined => nodes.find((node) => node.id === id)?.name;
  const toProducts = links.map(({ agent, product, ...numbers }) => ({
    ...{ from: `agent ${agent}`, to: `product ${product}`, state: 'up' },
    ...{ fromName: nameOf(agent) ?? agent, toName: product },
    ...numbers,
  }));
  const toTargets = products.flatMap(({ product, targets }) =>
    targets.map((told) => {
      const { target, node, connections, handedOff, perSecond, errors, causes } = told;
      return {
        ...{ from: `product ${product}`, to: `target ${product} ${node ?? target}`, state: stateOf(told, nodes) },
        ...{ fromName: product, toName: (node && nameOf(node)) ?? target },
        ...{ connections, handedOff, perSecond, errors, causes },
      };
    }),
  );
  return [...toProducts, ...toTargets];
}

/** The state of a target: what its node tells unless that is ready; else how agents see it, not `up` if one of them sees it otherwise. */
export function stateOf(
  { node, states }: Pick<ClusterState['products'][number]['targets'][number], 'node' | 'states'>,
  nodes: ClusterState['nodes'],
): string {
  const told = nodes.find(({ id }) => id === node)?.state ?? 'ready';
  return told === 'ready' ? (Object.keys(states).find((state) => state !== 'up') ?? 'up') : told;
}

/** Errors by cause, in words. */
export function causesOf({ errors, causes }: Pick<Line, 'errors' | 'causes'>): string {
  if (errors === 0) return '';
  const named = causes.map(({ cause, count: times }) => `${count(times)} ${cause}`);
  const rest = errors - causes.reduce((sum, { count: times }) => sum + times, 0);
  return [...named, ...(rest > 0 ? [`${count(rest)} of other causes`] : [])].join(', ');
}

/** The share of connections that were handed over, in percent; `undefined` if there are none. */
export function handedShare({ connections, handedOff }: Pick<Line, 'connections' | 'handedOff'>): number | undefined {
  return handedOff === 0 ? undefined : Math.round((100 * handedOff) / Math.max(connections, handedOff));
}
