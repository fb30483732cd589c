import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';
import { type Line, linesOf, stateOf } from './map-lines.ts';
import { Box, box, describeLine, Edge, type Place, type Point } from './map-shapes.tsx';
import { MapTable } from './map-table.tsx';

/** Most entries of a column: more could not be told from each other. */
const most = 12;

/** Where the columns are, in units of the drawing. */
const columnsAt = [0, 372, 744];
const headings = ['agents', 'products', 'targets'];
const top = 22;

/** Agents, products and targets, and what goes between them. */
export function ClusterMap({ state }: { readonly state: ClusterState }) {
  const columns = placesOf(state);
  const shown = columns.map((places) => places.toSorted((a, b) => b.weight - a.weight).slice(0, most));
  const rows = Math.max(1, ...shown.map(({ length }) => length));
  const at = new Map<string, Point>();
  for (const [column, places] of shown.entries()) {
    // Short columns stand in the middle of the longest one.
    const first = (rows - places.length) / 2;
    for (const [row, { id }] of places.entries()) {
      at.set(id, { x: columnsAt[column] ?? 0, y: top + (first + row) * (box.height + box.gap) });
    }
  }
  const lines = linesOf(state);
  const drawn = lines.filter(({ from, to }) => at.has(from) && at.has(to));
  const largest = Math.max(1, ...drawn.map(({ connections }) => connections));
  const leftOut = columns.reduce((sum, { length }) => sum + Math.max(0, length - most), 0);
  const width = (columnsAt[2] ?? 0) + box.width;
  return (
    <section aria-labelledby="map">
      <h2 id="map">Map</h2>
      {state.products.length === 0 && (
        <p class="empty">
          No agent has targets yet. Targets appear when an agent has routed its first request: open the page of your
          project, or run <code>gopush check</code>.
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
      <section class="scroll map" aria-label="Drawing of the map" tabIndex={0}>
        <svg
          viewBox={`-2 0 ${width + 4} ${top + rows * (box.height + box.gap)}`}
          role="img"
          aria-label={describe(drawn)}
        >
          {headings.map((heading, column) => (
            <text key={heading} x={columnsAt[column]} y="12" class="heading">
              {heading}
            </text>
          ))}
          {drawn.map((line) => (
            <Edge
              key={`${line.from} ${line.to}`}
              line={line}
              from={at.get(line.from)}
              to={at.get(line.to)}
              share={line.connections / largest}
            />
          ))}
          {shown.flat().map((place) => (
            <Box key={place.id} place={place} {...(at.get(place.id) ?? { x: 0, y: 0 })} />
          ))}
        </svg>
      </section>
      {leftOut > 0 && <p class="more">{leftOut} with fewer connections are not drawn.</p>}
      {lines.length > 0 && <MapTable lines={lines} />}
    </section>
  );
}

function placesOf({ nodes, products }: ClusterState): Place[][] {
  const agents = nodes.filter(({ tier, state }) => tier === 'agent' && state !== 'left');
  // Where all are on one machine, its name says nothing.
  const isOne = new Set(nodes.map(({ host }) => host)).size < 2;
  const on = (host: string | undefined): string => (isOne || host === undefined ? '' : ` · on ${host}`);
  const targets = products.flatMap(({ product, targets: list }) => list.map((target) => ({ product, target })));
  return [
    agents.map(({ id, name, host, state, clients, perSecond }) => ({
      id: `agent ${id}`,
      title: name,
      text: `${count(clients.connections)} conn · ${count(perSecond.messages + perSecond.deliveries)} msg/s${shareOf(clients)}`,
      state,
      more: on(host),
      weight: clients.connections,
    })),
    products.map(({ product, connections, perSecond }) => ({
      id: `product ${product}`,
      title: product,
      text: `${count(connections)} conn · ${count(perSecond)} msg/s`,
      weight: connections,
    })),
    targets.map(({ product, target }) => {
      const node = nodes.find(({ id }) => id === target.node);
      return {
        id: `target ${product} ${target.node ?? target.target}`,
        title: node?.name ?? target.target,
        text: `${count(target.connections)} conn · ${count(target.perSecond)} msg/s`,
        state: stateOf(target, nodes),
        more: on(node?.host),
        weight: target.connections,
      };
    }),
  ];
}

/** The share of connections that were handed over. */
function shareOf({ connections, handedOff }: { readonly connections: number; readonly handedOff: number }): string {
  if (handedOff === 0) return '';
  return ` · ${Math.round((handedOff / Math.max(connections, handedOff)) * 100)} % handed over`;
}

function describe(lines: readonly Line[]): string {
  if (lines.length === 0) return 'No connections between agents, products and targets.';
  return `From agents to products to targets. ${lines.map(describeLine).join('; ')}.`;
}
