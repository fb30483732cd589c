import type { ClusterState } from '@gopush/cluster';
import { clean } from './clean.ts';
import type { Look, Paint } from './style.ts';
import { type Column, layOutTable } from './table.ts';
import { shortBytes, shortCount, shortTime } from './units.ts';

type Node = ClusterState['nodes'][number];
type Target = ClusterState['products'][number]['targets'][number] & { readonly product: string };

/** By what the nodes can be sorted, with the key that does so. */
export const sortings = {
  name: 'n',
  clients: 'c',
  messages: 'm',
  loop: 'l',
  cpu: 'p',
  memory: 'r',
} as const;

/** By what the nodes are sorted. */
export type Sorting = keyof typeof sortings;

/** How a cluster is shown. */
export interface ShowOptions {
  /** Characters in a line. */
  readonly width: number;
  /** Most nodes, targets and rooms that are shown. */
  readonly most: { readonly nodes: number; readonly targets: number; readonly rooms: number };
  readonly sorting: Sorting;
  readonly paint: Paint;
}

/** The cluster as lines for a terminal. */
export function clusterLines(state: ClusterState, options: ShowOptions): string[] {
  const { paint, most } = options;
  const targets = state.products.flatMap(({ product, targets: of }) => of.map((target) => ({ ...target, product })));
  return [
    headline(state, paint),
    ...problemLines(state, paint),
    '',
    ...section(state.nodes.toSorted(orders[options.sorting]), most.nodes, 'nodes', (rows) =>
      layOutTable(nodeColumns(state.at, paint), rows, options.width, paint),
    ),
    ...section(targets, most.targets, 'targets', (rows) =>
      layOutTable(targetColumns(paint), rows, options.width, paint),
    ),
    ...section(state.rooms, most.rooms, 'rooms', (rows) => layOutTable(roomColumns, rows, options.width, paint)),
    ...causeLines('refused', state.refusals, paint),
    ...causeLines('fell back', state.fallbacks, paint),
  ];
}

function headline({ isHealthy, nodes, tiers, store }: ClusterState, paint: Paint): string {
  const machines = new Set(nodes.filter(isThere).map(({ host }) => host)).size;
  const count = (tier: string): number => tiers[tier]?.nodes ?? 0;
  const health = isHealthy ? paint('healthy', 'good') : paint('not healthy', 'bad');
  const clients = tiers.agent?.connections ?? tiers['push-server']?.connections ?? 0;
  return [
    health,
    `${plural(count('agent'), 'agent')}, ${plural(count('push-server'), 'push-server')} on ${plural(machines, 'machine')}`,
    `${shortCount(clients)} ${clients === 1 ? 'client' : 'clients'}`,
    `store: ${clean(store.kind)} ${paint(clean(store.state), store.state === 'up' ? 'good' : 'bad')}`,
  ].join(paint(' · ', 'dim'));
}

function problemLines({ problems }: ClusterState, paint: Paint): string[] {
  return problems.map((problem) => `${paint('!', 'bad')} ${clean(problem)}`);
}

/** A table with an empty line after it, and how many rows are left out. */
function section<Row>(
  rows: readonly Row[],
  most: number,
  what: string,
  layOut: (rows: readonly Row[]) => string[],
): string[] {
  if (rows.length === 0) return [];
  const left = rows.length - most;
  return [...layOut(rows.slice(0, most)), ...(left > 0 ? [`… ${what}: ${left} more`] : []), ''];
}

function causeLines(title: string, causes: ClusterState['refusals'], paint: Paint): string[] {
  if (causes.length === 0) return [];
  const named = causes.slice(0, 8).map(({ cause, count }) => `${clean(cause)} ${shortCount(count)}`);
  return [`${paint(`${title}:`, 'dim')} ${named.join(', ')}`];
}

function nodeColumns(now: number, paint: Paint): Column<Node>[] {
  const number = (title: string, cell: (node: Node) => string): Column<Node> => ({
    title,
    isNumber: true,
    cell: (node) => (isThere(node) ? cell(node) : '-'),
  });
  return [
    { title: 'NODE', cell: ({ name }) => clean(name) },
    {
      title: 'STATE',
      cell: ({ state, why }) => paint(clean(why === undefined ? state : `${state}: ${why}`), lookOf(state)),
    },
    {
      title: 'UP',
      isNumber: true,
      cell: (node) => (isThere(node) ? shortTime(now - node.startedAt) : `${shortTime(now - node.seenAt)} ago`),
    },
    number('CLIENTS', ({ clients }) => shortCount(clients.connections)),
    number('HANDED', ({ clients }) => shortCount(clients.handedOff)),
    number('IN/S', ({ perSecond }) => shortCount(perSecond.messages)),
    number('OUT/S', ({ perSecond }) => shortCount(perSecond.deliveries)),
    number('MOVED', ({ migrations: { migrated, failedOver, taken } }) => shortCount(migrated + failedOver + taken)),
    number('LOOP', ({ process: { loopDelayMs } }) => `${Math.round(loopDelayMs)} ms`),
    number('CPU', ({ process: { cpu } }) => `${Math.round(cpu * 100)} %`),
    number('MEMORY', ({ process: { rssBytes } }) => shortBytes(rssBytes)),
    { title: 'VERSION', cell: ({ version }) => clean(version) },
  ];
}

function targetColumns(paint: Paint): Column<Target>[] {
  return [
    { title: 'PRODUCT', cell: ({ product }) => clean(product) },
    { title: 'TARGET', cell: ({ target }) => clean(target) },
    {
      title: 'STATE',
      cell: ({ states, why }) => {
        const all = Object.entries(states).map(([state, agents]) => paint(`${clean(state)} ${agents}`, lookOf(state)));
        return all.join(' ') + (why === undefined ? '' : ` (${clean(why)})`);
      },
    },
    { title: 'CLIENTS', isNumber: true, cell: ({ connections }) => shortCount(connections) },
    { title: 'HANDED', isNumber: true, cell: ({ handedOff }) => shortCount(handedOff) },
    { title: 'MSG/S', isNumber: true, cell: ({ perSecond }) => shortCount(perSecond) },
    { title: 'ERRORS', isNumber: true, cell: ({ errors }) => shortCount(errors) },
  ];
}

const roomColumns: Column<ClusterState['rooms'][number]>[] = [
  { title: 'ROOM', cell: ({ room }) => clean(room) },
  { title: 'MEMBERS', isNumber: true, cell: ({ members }) => shortCount(members) },
  { title: 'SERVERS', isNumber: true, cell: ({ servers }) => shortCount(servers) },
];

const orders: Readonly<Record<Sorting, (one: Node, other: Node) => number>> = {
  name: (one, other) =>
    Number(isThere(other)) - Number(isThere(one)) ||
    one.tier.localeCompare(other.tier) ||
    one.name.localeCompare(other.name),
  clients: (one, other) => other.clients.connections - one.clients.connections,
  messages: (one, other) => other.perSecond.messages - one.perSecond.messages,
  loop: (one, other) => other.process.loopDelayMs - one.process.loopDelayMs,
  cpu: (one, other) => other.process.cpu - one.process.cpu,
  memory: (one, other) => other.process.rssBytes - one.process.rssBytes,
};

function isThere({ state }: Node): boolean {
  return state !== 'gone' && state !== 'left';
}

/** The look of the state of a node or a target. */
export function lookOf(state: string): Look {
  if (state === 'ready' || state === 'up') return 'good';
  return state === 'left' ? 'dim' : state === 'gone' || state === 'ejected' ? 'bad' : 'warn';
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
