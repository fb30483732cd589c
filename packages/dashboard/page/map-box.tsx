import { endOf } from './format.ts';
import { box, type Point } from './map-layout.ts';
import type { Place } from './map-places.ts';
import { marks, toneOf } from './state-mark.tsx';

/** Longest title, in characters. */
const longest = 26;

/** A box of the map. */
export function Box({ place: { title: name, texts, state, more = '' }, x, y }: { readonly place: Place } & Point) {
  const title = name + more;
  const tone = state === undefined ? '' : toneOf(state);
  return (
    <g class={`box ${tone}`} transform={`translate(${x} ${y})`}>
      <title>{[state === undefined ? title : `${title}: ${state}`, ...texts].join('\n')}</title>
      <rect width={box.width} height={box.height} rx="5" />
      {state !== undefined && (
        <text x={box.width - 10} y="19" class="mark">
          {marks[tone]}
          {tone === 'good' ? '' : ` ${state}`}
        </text>
      )}
      <text x="10" y="19" class="title">
        {endOf(name, longest - Math.min(more.length, longest / 2))}
        {more !== '' && <tspan class="more">{endOf(more, longest / 2)}</tspan>}
      </text>
      {texts.map((text, row) => (
        <text key={row} x="10" y={36 + 16 * row}>
          {text}
        </text>
      ))}
    </g>
  );
}
