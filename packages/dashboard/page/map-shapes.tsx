import { count } from './format.ts';
import { causesOf, type Line } from './map-lines.ts';
import { marks, toneOf } from './state-mark.tsx';

/** Size of a box, in units of the drawing. */
export const box = { width: 216, height: 46, gap: 12 };

/** A box of the map. */
export interface Place {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** State of the node or target; absent: it has none. */
  readonly state?: string;
  /** What else is told after its name, such as its machine; absent: nothing. */
  readonly more?: string;
  readonly weight: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Longest title, in characters. */
const longest = 26;

export function Box({ place: { title: name, text, state, more = '' }, x, y }: { readonly place: Place } & Point) {
  const title = name + more;
  const tone = state === undefined ? '' : toneOf(state);
  return (
    <g class={`box ${tone}`} transform={`translate(${x} ${y})`}>
      <title>{state === undefined ? title : `${title}: ${state}`}</title>
      <rect width={box.width} height={box.height} rx="5" />
      {state !== undefined && (
        <text x={box.width - 10} y="19" class="mark">
          {marks[tone]}
          {tone === 'good' ? '' : ` ${state}`}
        </text>
      )}
      <text x="10" y="19" class="title">
        {shorten(name, longest - Math.min(more.length, longest / 2))}
        {more !== '' && <tspan class="more">{shorten(more, longest / 2)}</tspan>}
      </text>
      <text x="10" y="36">
        {text}
      </text>
    </g>
  );
}

/** The end of a name, where it is too long: it tells nodes apart. */
function shorten(name: string, most: number): string {
  return name.length > most ? `…${name.slice(1 - most)}` : name;
}

/** A line between two boxes, as thick as it has connections. @param share - of the line with most connections */
export function Edge({
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
  const isFailing = line.errors > 0 || toneOf(line.state) !== 'good';
  return (
    <g class={`edge ${isFailing ? 'failing' : ''} ${line.connections === 0 ? 'idle' : ''}`}>
      <title>{describeLine(line)}</title>
      <path d={`M ${x1} ${y1} C ${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`} stroke-width={1 + 5 * share} />
      {line.errors > 0 && (
        <text x={x2 - 8} y={y2 - 6}>
          ▲ {count(line.errors)} {line.errors === 1 ? 'error' : 'errors'}
        </text>
      )}
    </g>
  );
}

/** A line in words. */
export function describeLine(line: Line): string {
  const causes = causesOf(line);
  const parts = [`${line.connections} connections`, `${count(line.perSecond)} messages/s`];
  if (causes !== '') parts.push(`errors: ${causes}`);
  return `${line.fromName} to ${line.toName}: ${parts.join(', ')}`;
}
