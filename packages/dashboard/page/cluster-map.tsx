import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';

/** Most entries of a column: more could not be told from each other. */
const most = 12;

/** Sizes of the drawing, in its own units. */
const box = { width: 190, height: 46, gap: 14 };
const columnsAt = [0, 330, 660];

/** A box of the map. */
interface Place {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly tone: string;
  readonly weight: number;
}

/** A line of the map. */
interface Line {
  readonly from: string;
  readonly to: string;
  readonly connections: number;
  readonly text: string;
  readonly tone: string;
}

/** Agents, products and targets, and what goes between them. */
export function ClusterMap({ state }: { readonly state: ClusterState }) {
  const columns = placesOf(state);
  const shown = columns.map((places) => places.toSorted((a, b) => b.weight - a.weight).slice(0, most));
  const at = new Map<string, { readonly x: number; readonly y: number }>();
  for (const [column, places] of shown.entries()) {
    for (const [row, { id }] of places.entries()) {
      at.set(id, { x: columnsAt[column] ?? 0, y: row * (box.height + box.gap) });
    }
  }
  const rows = Math.max(1, ...shown.map(({ length }) => length));
  const height = rows * (box.height + box.gap);
  const lines = linesOf(state).filter(({ from, to }) => at.has(from) && at.has(to));
  const largest = Math.max(1, ...lines.map(({ connections }) => connections));
  const leftOut = columns.reduce((sum, { length }) => sum + Math.max(0, length - most), 0);
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
        <svg viewBox={`-2 -2 ${(columnsAt[2] ?? 0) + box.width + 4} ${height}`} role="img" aria-label={describe(lines)}>
          {lines.map((line) => (
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
    </section>
  );
}

function placesOf({ nodes, products }: ClusterState): Place[][] {
  const agents = nodes.filter(({ tier, state }) => tier === 'agent' && state !== 'left');
  const targets = products.flatMap(({ product, targets: list }) => list.map((target) => ({ product, target })));
  return [
    agents.map(({ id, name, state, clients, perSecond }) => ({
      id: `agent ${id}`,
      title: name,
      text: `${count(clients.connections)} conn · ${count(perSecond.messages)} msg/s${shareOf(clients)}`,
      tone: state,
      weight: clients.connections,
    })),
    products.map(({ product, connections, perSecond }) => ({
      id: `product ${product}`,
      title: product,
      text: `${count(connections)} conn · ${count(perSecond)}/s`,
      tone: 'product',
      weight: connections,
    })),
    targets.map(({ product, target }) => {
      const node = nodes.find(({ id }) => id === target.node);
      return {
        id: `target ${product} ${target.node ?? target.target}`,
        title: node?.name ?? target.target,
        text: `${count(target.connections)} conn · ${count(target.perSecond)}/s${target.errors > 0 ? ` · ${count(target.errors)} err` : ''}`,
        tone: node?.state ?? worst(target.states),
        weight: target.connections,
      };
    }),
  ];
}

function linesOf({ links, products }: ClusterState): Line[] {
  const toProducts = links.map(({ agent, product, connections, perSecond, errors }) => ({
    from: `agent ${agent}`,
    to: `product ${product}`,
    connections,
    text: `${count(perSecond)}/s`,
    tone: errors > 0 ? 'failing' : '',
  }));
  const toTargets = products.flatMap(({ product, targets }) =>
    targets.map(({ target, node, connections, perSecond, states }) => ({
      from: `product ${product}`,
      to: `target ${product} ${node ?? target}`,
      connections,
      text: `${count(perSecond)}/s`,
      tone: worst(states) === 'up' ? '' : 'failing',
    })),
  );
  return [...toProducts, ...toTargets];
}

/** The share of connections that were handed over. */
function shareOf({ connections, handedOff }: { readonly connections: number; readonly handedOff: number }): string {
  if (handedOff === 0) return '';
  return ` · ${Math.round((handedOff / Math.max(connections, handedOff)) * 100)} % handed`;
}

/** How agents see a target; not `up` where one of them sees it otherwise. */
function worst(states: Readonly<Record<string, number>>): string {
  return Object.keys(states).find((state) => state !== 'up') ?? 'up';
}

function describe(lines: readonly Line[]): string {
  if (lines.length === 0) return 'No connections between agents, products and targets.';
  const parts = lines.map(({ from, to, connections, text }) => `${from} to ${to}: ${connections} connections, ${text}`);
  return `From agents to products to targets. ${parts.join('; ')}.`;
}

type Point = { readonly x: number; readonly y: number };

function Box({ place, x, y }: { readonly place: Place } & Point) {
  return (
    <g class={`box ${place.tone}`} transform={`translate(${x} ${y})`}>
      <rect width={box.width} height={box.height} rx="6" />
      <text x="10" y="19" class="title">
        {place.title.length > 24 ? `…${place.title.slice(-23)}` : place.title}
      </text>
      <text x="10" y="36">
        {place.text}
      </text>
    </g>
  );
}

function Edge({
  line,
  from,
  to,
  share,
}: {
  readonly line: Line;
  readonly from: Point | undefined;
  readonly to: Point | undefined;
  readonly share: number;
}) {
  if (from === undefined || to === undefined) return null;
  const [x1, y1] = [from.x + box.width, from.y + box.height / 2];
  const [x2, y2] = [to.x, to.y + box.height / 2];
  const middle = (x1 + x2) / 2;
  return (
    <path
      class={`edge ${line.tone}`}
      d={`M ${x1} ${y1} C ${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`}
      stroke-width={1 + 5 * share}
    />
  );
}
