import { bytes, count, duration, milliseconds } from './format.ts';
import type { Node } from './use-act.ts';

/** A column: how a node is shown there, and by what it is sorted. */
export interface Column {
  readonly name: string;
  readonly isNumber?: boolean;
  readonly show: (node: Node, at: number) => string;
  readonly sortBy: (node: Node) => string | number;
}

/** Whether a node is there, as far as is known. */
export function isThere({ state }: Node): boolean {
  return state !== 'gone' && state !== 'left';
}

export const byName: Column = { name: 'node', show: ({ name }) => name, sortBy: ({ name }) => name };

/** The columns after name and state. */
export const columns: readonly Column[] = [
  { name: 'tier', show: ({ tier }) => tier, sortBy: ({ tier }) => tier },
  { name: 'version', show: ({ version }) => version, sortBy: ({ version }) => version },
  {
    name: 'up for',
    isNumber: true,
    show: (node, at) => (isThere(node) ? duration(at - node.startedAt) : `ended ${duration(at - node.seenAt)} ago`),
    sortBy: ({ startedAt }) => -startedAt,
  },
  {
    name: 'loop delay',
    isNumber: true,
    show: ({ process }) => milliseconds(process.loopDelayMs),
    sortBy: ({ process }) => process.loopDelayMs,
  },
  {
    name: 'CPU',
    isNumber: true,
    show: ({ process }) => `${Math.round(process.cpu * 100)} %`,
    sortBy: ({ process }) => process.cpu,
  },
  {
    name: 'memory',
    isNumber: true,
    show: ({ process }) => bytes(process.rssBytes),
    sortBy: ({ process }) => process.rssBytes,
  },
  {
    name: 'connections',
    isNumber: true,
    show: ({ clients }) => count(clients.connections),
    sortBy: ({ clients }) => clients.connections,
  },
  {
    name: 'handed over',
    isNumber: true,
    show: ({ clients: { handedOff, ownedAlone } }) =>
      ownedAlone > 0 ? `${count(handedOff)} (${count(ownedAlone)} alone)` : count(handedOff),
    sortBy: ({ clients }) => clients.handedOff,
  },
  {
    name: 'messages/s',
    isNumber: true,
    show: ({ perSecond }) => count(perSecond.messages),
    sortBy: ({ perSecond }) => perSecond.messages,
  },
  {
    name: 'deliveries/s',
    isNumber: true,
    show: ({ perSecond }) => count(perSecond.deliveries),
    sortBy: ({ perSecond }) => perSecond.deliveries,
  },
];

/** What a node shows in a column. The numbers of one that has ended are those of its last second, and would mislead. */
export function shownIn({ show, isNumber, name }: Column, node: Node, at: number): string {
  return isNumber && name !== 'up for' && !isThere(node) ? '–' : show(node, at);
}

export function compareBy({ sortBy }: Column, a: Node, b: Node): number {
  const [one, two] = [sortBy(a), sortBy(b)];
  return typeof one === 'number' && typeof two === 'number'
    ? one - two
    : String(one).localeCompare(String(two), 'en', { numeric: true });
}
