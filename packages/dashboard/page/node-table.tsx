import type { ClusterState } from '@gopush/cluster';
import { useState } from 'preact/hooks';
import { bytes, count, duration, milliseconds } from './format.ts';

type Node = ClusterState['nodes'][number];

/** A column: how a node is shown there, and by what it is sorted. */
interface Column {
  readonly name: string;
  readonly isNumber?: boolean;
  readonly show: (node: Node, at: number) => string;
  readonly sortBy: (node: Node) => string | number;
}

const isThere = ({ state }: Node): boolean => state !== 'gone' && state !== 'left';

const columns: readonly Column[] = [
  { name: 'tier', show: ({ tier }) => tier, sortBy: ({ tier }) => tier },
  { name: 'host', show: ({ host }) => host, sortBy: ({ host }) => host },
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

const byName: Column = { name: 'node', show: ({ name }) => name, sortBy: ({ name }) => name };

/** All nodes, sorted by any column. */
export function NodeTable({
  nodes,
  at,
  leftOut = 0,
}: {
  readonly nodes: readonly Node[];
  readonly at: number;
  readonly leftOut?: number | undefined;
}) {
  const [sort, setSort] = useState<{ readonly column: Column; readonly isDown: boolean }>();
  const sorted =
    sort === undefined ? nodes : nodes.toSorted((a, b) => compare(sort.column, a, b) * (sort.isDown ? -1 : 1));
  const header = (column: Column) => (
    <th
      key={column.name}
      scope="col"
      class={column.isNumber ? 'number' : ''}
      aria-sort={sort?.column !== column ? 'none' : sort.isDown ? 'descending' : 'ascending'}
    >
      <button
        type="button"
        onClick={() => setSort({ column, isDown: sort?.column === column ? !sort.isDown : column.isNumber === true })}
      >
        {column.name}
      </button>
    </th>
  );
  return (
    <section aria-labelledby="nodes">
      <h2 id="nodes">Nodes</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
      <section class="scroll" aria-label="Table of nodes" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {header(byName)}
              <th scope="col">state</th>
              {columns.map(header)}
            </tr>
          </thead>
          <tbody>
            {sorted.map((node) => (
              <tr key={node.id} class={isThere(node) ? '' : 'ended'}>
                <th scope="row">{node.name}</th>
                <td>
                  <span class={`state ${node.state}`}>{node.state}</span>
                  {node.why && <span class="why">{node.why}</span>}
                </td>
                {columns.map((column) => (
                  <td key={column.name} class={column.isNumber ? 'number' : ''}>
                    {column.show(node, at)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {leftOut > 0 && <p class="more">{leftOut} more are not shown.</p>}
    </section>
  );
}

function compare({ sortBy }: Column, a: Node, b: Node): number {
  const [one, two] = [sortBy(a), sortBy(b)];
  return typeof one === 'number' && typeof two === 'number'
    ? one - two
    : String(one).localeCompare(String(two), 'en', { numeric: true });
}
