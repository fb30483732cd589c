import type { ClusterState } from '@gopush/cluster';
import { Box } from './map-box.tsx';
import { describeLine, Edge } from './map-edge.tsx';
import { labelsOf } from './map-labels.ts';
import { box, curveOf, type Point } from './map-layout.ts';
import { type Line, linesOf } from './map-lines.ts';
import { placesOf } from './map-places.ts';
import { MapTable } from './map-table.tsx';

/** Most entries of a column: more could not be told from each other. */
const most = 12;

/** Where the columns are, in units of the drawing. */
const columnsAt = [0, 510, 1020];
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
  const drawn = lines.flatMap((line) => {
    const [from, to] = [at.get(line.from), at.get(line.to)];
    return from === undefined || to === undefined ? [] : [{ line, curve: curveOf(from, to) }];
  });
  const labels = labelsOf(drawn.map(({ curve }) => curve));
  const largest = Math.max(1, ...drawn.map(({ line }) => line.connections));
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
          aria-label={describe(drawn.map(({ line }) => line))}
        >
          {headings.map((heading, column) => (
            <text key={heading} x={columnsAt[column]} y="12" class="heading">
              {heading}
            </text>
          ))}
          {drawn.map(({ line, curve }, index) => (
            <Edge
              key={`${line.from} ${line.to}`}
              line={line}
              curve={curve}
              label={labels[index]}
              share={line.connections / largest}
            />
          ))}
          {shown.flat().map((place) => (
            <Box key={place.id} place={place} {...(at.get(place.id) ?? { x: 0, y: 0 })} />
          ))}
        </svg>
      </section>
      {labels.includes(undefined) && (
        <p class="more">Lines without numbers have no room for them: they are in the table.</p>
      )}
      {leftOut > 0 && <p class="more">{leftOut} with fewer connections are not drawn.</p>}
      {lines.length > 0 && <MapTable lines={lines} />}
    </section>
  );
}

function describe(lines: readonly Line[]): string {
  if (lines.length === 0) return 'No connections between agents, products and targets.';
  return `From agents to products to targets. ${lines.map(describeLine).join('; ')}.`;
}
