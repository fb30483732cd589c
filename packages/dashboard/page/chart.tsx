import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

/** One line of a chart, oldest point first. */
export interface Series {
  readonly name: string;
  readonly points: readonly number[];
}

/** A chart of several lines. */
interface ChartProps {
  readonly title: string;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** End of the last step, in milliseconds since 1970. */
  readonly at: number;
  readonly stepMs: number;
}

const height = 120;

/** A chart, and the same in words for who cannot see it. */
export function Chart({ title, series, format, at, stepMs }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const scheme = useScheme();
  const names = series.map(({ name }) => name).join('\n');
  useEffect(() => {
    const element = holder.current;
    if (element === null || series.length === 0) return;
    const style = getComputedStyle(document.documentElement);
    const axis = {
      stroke: style.getPropertyValue('--soft'),
      grid: { stroke: style.getPropertyValue('--line'), width: 1 },
      ticks: { show: false },
    };
    const drawn = new uPlot(
      {
        width: element.clientWidth,
        height,
        cursor: { drag: { setScale: false } },
        legend: { show: false },
        scales: { y: { range: (_plot, _least, largest) => [0, Math.max(1, largest * 1.1)] } },
        axes: [
          { ...axis, values: '{HH}:{mm}', space: 60, size: 22 },
          { ...axis, size: 58, space: 24, values: (_plot, values) => values.map(format) },
        ],
        series: [
          {},
          ...series.map((_one, index) => ({
            stroke: style.getPropertyValue(`--line-${index}`),
            width: 1.5,
            points: { show: false },
          })),
        ],
      },
      dataOf(series, at, stepMs),
      element,
    );
    plot.current = drawn;
    const sizes = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      drawn.destroy();
      plot.current = undefined;
    };
  }, [names, scheme]);
  useEffect(() => plot.current?.setData(dataOf(series, at, stepMs)), [series, at, stepMs]);
  return (
    <figure>
      <figcaption>
        <strong>{title}</strong>
        {series.map(({ name, points }, index) => (
          <span key={name} class={`legend line-${index}`}>
            {name} <b>{format(points.at(-1) ?? 0)}</b>
          </span>
        ))}
      </figcaption>
      {series.length === 0 ? (
        <p class="empty">Nothing yet.</p>
      ) : (
        <div ref={holder} class="plot" role="img" aria-label={inWords(title, series, format)} />
      )}
    </figure>
  );
}

/** Whether colors are dark: a chart draws with those that it had at its start. */
function useScheme(): boolean {
  const [isDark, setDark] = useState(false);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => setDark(dark.matches);
    follow();
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, []);
  return isDark;
}

function dataOf(series: readonly Series[], at: number, stepMs: number): uPlot.AlignedData {
  const steps = series[0]?.points.length ?? 0;
  const times = Array.from({ length: steps }, (_one, index) => (at - (steps - 1 - index) * stepMs) / 1_000);
  return [times, ...series.map(({ points }) => [...points])];
}

function inWords(title: string, series: readonly Series[], format: (value: number) => string): string {
  const each = series.map(
    ({ name, points }) => `${name}: now ${format(points.at(-1) ?? 0)}, at most ${format(Math.max(0, ...points))}`,
  );
  return `${title}. ${each.join('; ')}.`;
}
