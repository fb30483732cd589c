import type { ClusterHistory, ClusterState } from '@gopush/cluster';
import { clock, duration, milliseconds } from './format.ts';

/** Something that happened to a node. */
interface Happening {
  readonly at: number;
  readonly text: string;
  readonly tone: string;
}

const lastMs = 900_000;

/** Starts, drains and ends of nodes, and sessions that moved, the newest first. */
export function Timeline({
  state,
  history,
}: {
  readonly state: ClusterState;
  readonly history: ClusterHistory | undefined;
}) {
  const happenings = [...ofNodes(state), ...ofSessions(history)].sort((a, b) => b.at - a.at).slice(0, 40);
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Restarts</h2>
      {happenings.length === 0 ? (
        <p class="empty">
          Nothing has started, ended or moved in the last 15 minutes. Restart a push-server to see its sessions migrate.
        </p>
      ) : (
        <ol class="timeline">
          {happenings.map(({ at, text, tone }) => (
            <li key={`${at} ${text}`} class={tone}>
              <time>{clock(at)}</time> {text}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function ofNodes({ nodes, at }: ClusterState): Happening[] {
  return nodes.flatMap(({ name, state, startedAt, seenAt, migrations, clients }) => {
    const found: Happening[] = [];
    if (at - startedAt < lastMs) found.push({ at: startedAt, text: `${name} started`, tone: 'ready' });
    if (state === 'left')
      found.push({ at: seenAt, text: `${name} ended by plan${given(migrations.given)}`, tone: 'left' });
    if (state === 'gone') {
      const had = clients.connections === 1 ? '1 connection' : `${clients.connections} connections`;
      found.push({
        at: seenAt,
        text: `${name} is gone, after ${duration(seenAt - startedAt)}, with ${had}`,
        tone: 'gone',
      });
    }
    if (state === 'draining') {
      found.push({
        at: seenAt,
        text: `${name} drains${given(migrations.given)}, ${clients.connections} connections left`,
        tone: 'draining',
      });
    }
    return found;
  });
}

function given(sessions: number): string {
  return sessions === 0 ? '' : `: ${sessions} ${sessions === 1 ? 'session' : 'sessions'} given`;
}

function ofSessions(history: ClusterHistory | undefined): Happening[] {
  const agents = history?.tiers.agent;
  if (history === undefined || agents === undefined) return [];
  return agents.migrated.flatMap((migrated, step) => {
    const failedOver = agents.failedOver[step] ?? 0;
    if (migrated === 0 && failedOver === 0) return [];
    const parts = [
      migrated > 0 ? `${migrated} migrated` : '',
      failedOver > 0 ? `${failedOver} failed over` : '',
    ].filter(Boolean);
    const pause = milliseconds(agents.pauseMs[step] ?? 0);
    return [
      {
        at: history.at - (agents.migrated.length - 1 - step) * history.stepMs,
        text: `sessions: ${parts.join(', ')}; longest pause ${pause}`,
        tone: failedOver > 0 ? 'gone' : 'draining',
      },
    ];
  });
}
