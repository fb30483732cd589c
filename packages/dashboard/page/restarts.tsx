import type { ClusterState } from '@gopush/cluster';
import { clock, count, duration, milliseconds } from './format.ts';
import { Lanes } from './lanes.tsx';
import { type RestartRow, restartRows } from './restart-rows.ts';
import { Table, type TableColumn } from './table.tsx';

const words = {
  start: { text: 'started', tone: 'good' },
  drain: { text: 'drains', tone: 'busy' },
  stop: { text: 'stopped', tone: 'over' },
  crash: { text: 'crashed', tone: 'bad' },
  move: { text: 'sessions moved', tone: 'busy' },
} as const;

type Moved = NonNullable<RestartRow['moved']>;

const columns: readonly TableColumn<RestartRow>[] = [
  { name: 'at', cell: ({ at }) => <time>{clock(at)}</time> },
  { name: 'node', isRowHeader: true, cell: ({ name }) => name },
  { name: 'what', cell: ({ what }) => <span class={`state ${words[what].tone}`}>{words[what].text}</span> },
  moves('migrated', ({ migrated }) => count(migrated)),
  moves('failed over', ({ failedOver }) => count(failedOver)),
  {
    ...moves('fell back', ({ fellBack }) => count(fellBack)),
    isBad: ({ moved }) => moved !== undefined && moved.fellBack > 0,
  },
  moves('longest pause', (moved) => (sessionsOf(moved) === 0 ? '–' : milliseconds(moved.longestPauseMs))),
  moves('took', (moved) => (sessionsOf(moved) === 0 ? '–' : tookOf(moved.endedAt - moved.startedAt))),
];

/** Starts, drains, stops and crashes, and what became of the sessions: whether clients have noticed. */
export function Restarts({ state }: { readonly state: ClusterState }) {
  const rows = restartRows(state);
  const left = state.leftOut.restarts ?? 0;
  return (
    <section aria-labelledby="restarts">
      <h2 id="restarts">Restarts</h2>
      {rows.length === 0 ? (
        <p class="empty">
          Nothing has started, stopped or moved in the last 15 minutes. Restart a push-server (
          <code>gopush pm2 reload</code>) to watch its sessions migrate.
        </p>
      ) : (
        <>
          <Lanes state={state} />
          <Table
            label="Table of restarts"
            columns={columns}
            rows={rows}
            keyOf={({ key }) => key}
            more={left > 0 ? `${left} more are not shown.` : undefined}
          />
        </>
      )}
    </section>
  );
}

/** A column of what became of sessions; empty if none had to move. */
function moves(name: string, show: (moved: Moved) => string): TableColumn<RestartRow> {
  return { name, isNumber: true, cell: ({ moved }) => moved && show(moved) };
}

function sessionsOf({ migrated, failedOver, fellBack }: Moved): number {
  return migrated + failedOver + fellBack;
}

function tookOf(ms: number): string {
  return ms < 10_000 ? milliseconds(ms) : duration(ms);
}
