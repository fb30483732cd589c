import type { ClusterState } from '@gopush/cluster';

/** A row of the table of restarts. */
export interface RestartRow {
  readonly key: string;
  readonly at: number;
  readonly name: string;
  readonly what: 'start' | 'drain' | 'stop' | 'crash' | 'move';
  /** What became of its sessions; absent: it had none that moved. */
  readonly moved?: ClusterState['restarts'][number];
}

/** How far back is shown, in milliseconds. */
export const shownMs = 900_000;

const most = 40;

/** Starts, drains and ends of nodes and moves of sessions, the newest first. */
export function restartRows({ restarts, nodes, at }: ClusterState): RestartRow[] {
  const rows: RestartRow[] = restarts.map((moved) => {
    const { node = moved.name, name, what, startedAt } = moved;
    return { key: `${node} ${what} ${startedAt}`, at: startedAt, name, what, moved };
  });
  for (const { id, name, tier, state, startedAt, seenAt } of nodes) {
    if (at - startedAt < shownMs) rows.push({ key: `${id} start`, at: startedAt, name, what: 'start' });
    // Ends of push-servers are among the restarts.
    if (tier === 'push-server' || at - seenAt > shownMs) continue;
    if (state === 'left') rows.push({ key: `${id} stop`, at: seenAt, name, what: 'stop' });
    if (state === 'gone') rows.push({ key: `${id} crash`, at: seenAt, name, what: 'crash' });
  }
  return rows.sort((a, b) => b.at - a.at).slice(0, most);
}
