import type { ClusterState } from '@gopush/cluster';
import { endOf } from './format.ts';
import { shownMs } from './restart-rows.ts';

/** Most lanes. */
const most = 16;

/** A part of the last 15 minutes. */
interface Span {
  readonly key: string;
  readonly tone: string;
  readonly from: number;
  readonly to: number;
}

/** The last 15 minutes of each node, and when its sessions moved. The table beside it has the same in words. */
export function Lanes({ state }: { readonly state: ClusterState }) {
  const lanes = lanesOf(state);
  const span = ({ key, tone, from, to }: Span) => {
    const left = 100 * (1 - Math.min(shownMs, state.at - from) / shownMs);
    const width = Math.max(0.4, 100 * (1 - Math.max(0, state.at - to) / shownMs) - left);
    return <i key={key} class={tone} style={{ left: `${Math.min(99.6, left)}%`, width: `${width}%` }} />;
  };
  return (
    <div class="lanes" aria-hidden="true">
      {lanes.map(({ name, lives, moves }) => (
        <div key={name} class="lane">
          <span>{endOf(name, 22)}</span>
          <div>
            {lives.map(span)}
            {moves.map(span)}
          </div>
        </div>
      ))}
      <div class="lane axis">
        <span />
        <div>
          <b>15 min ago</b>
          <b>10</b>
          <b>5</b>
          <b>now</b>
        </div>
      </div>
    </div>
  );
}

function lanesOf({ nodes, restarts, at }: ClusterState) {
  const lanes = new Map<string, { readonly name: string; readonly lives: Span[]; readonly moves: Span[] }>();
  // By name: a process that replaces another one has its name.
  const ordered = nodes.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  for (const { id, name, state, startedAt, seenAt, stateSince } of ordered) {
    const isOver = state === 'gone' || state === 'left';
    if (isOver && at - seenAt > shownMs) continue;
    const lane = lanes.get(name) ?? { name, lives: [], moves: [] };
    lanes.set(name, lane);
    const to = isOver ? seenAt : at;
    lane.lives.push({ key: id, tone: `life ${isOver ? state : ''}`, from: startedAt, to });
    if (!isOver && state !== 'ready') lane.lives.push({ key: `${id} now`, tone: 'life busy', from: stateSince, to });
  }
  for (const { name, what, startedAt, endedAt } of restarts) {
    lanes.get(name)?.moves.push({ key: `${what} ${startedAt}`, tone: `moves ${what}`, from: startedAt, to: endedAt });
  }
  // Those where something happened come first.
  const all = [...lanes.values()].sort((a, b) => eventsOf(b, at) - eventsOf(a, at));
  return all.slice(0, most).sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function eventsOf(
  { lives, moves }: { readonly lives: readonly Span[]; readonly moves: readonly Span[] },
  at: number,
): number {
  return moves.length + lives.filter(({ from, to }) => at - from < shownMs || to < at).length;
}
