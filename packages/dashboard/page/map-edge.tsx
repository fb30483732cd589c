import { count } from './format.ts';
import { type Curve, type Point, pathOf } from './map-layout.ts';
import { causesOf, handedShare, type Line } from './map-lines.ts';
import { toneOf } from './state-mark.tsx';

/** Longest name of a cause on a line, in characters. */
const longest = 20;

/**
 * A line between two boxes, as thick as it has connections; the part of them that were handed over has another color.
 *
 * @param label - the middle of its numbers; `undefined`: there is no room for them
 * @param share - of the line with most connections
 */
export function Edge({
  line,
  curve,
  label,
  share,
}: {
  readonly line: Line;
  readonly curve: Curve;
  readonly label: Point | undefined;
  readonly share: number;
}) {
  const isFailing = line.errors > 0 || toneOf(line.state) !== 'good';
  const handed = handedShare(line);
  const width = 1 + 6 * share;
  const path = pathOf(curve);
  return (
    <g class={`edge ${isFailing ? 'failing' : ''} ${line.connections === 0 ? 'idle' : ''}`}>
      <title>{describeLine(line)}</title>
      <path d={path} stroke-width={width} />
      {handed !== undefined && <path class="handed" d={path} stroke-width={(width * handed) / 100} />}
      {label !== undefined && <Label line={line} handed={handed} {...label} />}
    </g>
  );
}

function Label({ line, handed, x, y }: { readonly line: Line; readonly handed: number | undefined } & Point) {
  const rows = [
    `${count(line.connections)} conn · ${count(line.perSecond)} msg/s`,
    ...(handed === undefined ? [] : [`${handed} % handed over`]),
  ];
  const first = y + 4 - 6 * (rows.length - 1 + (line.errors > 0 ? 1 : 0));
  return (
    <>
      {rows.map((row, index) => (
        <text key={index} x={x} y={first + 12 * index}>
          {row}
        </text>
      ))}
      {line.errors > 0 && (
        <text x={x} y={first + 12 * rows.length} class="errors">
          ▲ {errorsOf(line)}
        </text>
      )}
    </>
  );
}

/** The most frequent cause of errors alone, if all have the same one; else how many there are. */
function errorsOf({ errors, causes }: Line): string {
  const [first] = causes;
  if (first !== undefined && first.count === errors && first.cause.length <= longest)
    return `${count(errors)} ${first.cause}`;
  return `${count(errors)} ${errors === 1 ? 'error' : 'errors'}`;
}

/** A line in words. */
export function describeLine(line: Line): string {
  const causes = causesOf(line);
  const handed = handedShare(line);
  const parts = [`${line.connections} connections`, `${count(line.perSecond)} messages/s`];
  if (handed !== undefined) parts.push(`${handed} % handed over`);
  if (causes !== '') parts.push(`errors: ${causes}`);
  return `${line.fromName} to ${line.toName}: ${parts.join(', ')}`;
}
