import type { ClusterState } from '@gopush/cluster';
import { clock, count, duration, milliseconds } from './format.ts';
import { Lanes } from './lanes.tsx';
import { type RestartRow, restartRows } from './restart-rows.ts';

const words = {
  start: { text: 'started', tone: 'good' },
  drain: { text: 'drains', tone: 'busy' },
  stop: { text: 'stopped', tone: 'over' },
  crash: { text: 'crashed', tone: 'bad' },
  move: { text: 'sessions moved', tone: 'busy' },
} as const;

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
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
          <section class="scroll tall" aria-label="Table of restarts" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">at</th>
                  <th scope="col">node</th>
                  <th scope="col">what</th>
                  {['migrated', 'failed over', 'fell back', 'longest pause', 'took'].map((name) => (
                    <th key={name} scope="col" class="number">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <Row key={row.key} row={row} />
                ))}
              </tbody>
            </table>
          </section>
        </>
      )}
      {left > 0 && <p class="more">{left} more are not shown.</p>}
    </section>
  );
}

function Row({ row: { at, name, what, moved } }: { readonly row: RestartRow }) {
  const { text, tone } = words[what];
  const sessions = moved === undefined ? 0 : moved.migrated + moved.failedOver + moved.fellBack;
  return (
    <tr>
      <td>
        <time>{clock(at)}</time>
      </td>
      <th scope="row">{name}</th>
      <td>
        <span class={`state ${tone}`}>{text}</span>
      </td>
      {moved === undefined ? (
        <td colSpan={5} />
      ) : (
        <>
          <td class="number">{count(moved.migrated)}</td>
          <td class="number">{count(moved.failedOver)}</td>
          <td class={`number ${moved.fellBack > 0 ? 'bad' : ''}`}>{count(moved.fellBack)}</td>
          <td class="number">{sessions === 0 ? '–' : milliseconds(moved.longestPauseMs)}</td>
          <td class="number">{sessions === 0 ? '–' : tookOf(moved.endedAt - moved.startedAt)}</td>
        </>
      )}
    </tr>
  );
}

function tookOf(ms: number): string {
  return ms < 10_000 ? milliseconds(ms) : duration(ms);
}
