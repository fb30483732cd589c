import type { ClusterState } from '@gopush/cluster';
import { clock, count } from './format.ts';

/** The parts of the page, by their ids. */
const parts = {
  map: 'Map',
  nodes: 'Nodes',
  charts: 'Charts',
  restarts: 'Restarts',
  routes: 'Routes',
  'look-up': 'Look up',
  rooms: 'Rooms',
  causes: 'Refusals',
} as const;

/** Whether all is well, at a glance. */
export function Header({
  state,
  problem,
}: {
  readonly state: ClusterState | undefined;
  readonly problem: string | undefined;
}) {
  return (
    <header>
      <div class="bar">
        <h1>gopush</h1>
        <Health state={state} />
        {state && (
          <nav aria-label="Parts of the page">
            {Object.entries(parts).map(([id, name]) => (
              <a key={id} href={`#${id}`}>
                {name}
              </a>
            ))}
          </nav>
        )}
        {state && (
          <p class="by">
            by {state.by} at <time>{clock(state.at)}</time>
            {problem !== undefined && <strong class="stale"> · {problem}: this is the last state</strong>}
          </p>
        )}
      </div>
      {state && <Totals state={state} />}
      {state && state.problems.length > 0 && (
        <ul class="problems" aria-label="Problems">
          {state.problems.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </header>
  );
}

function Health({ state }: { readonly state: ClusterState | undefined }) {
  const problems = state?.problems.length ?? 0;
  const [tone, text] =
    state === undefined
      ? ['unknown', 'no data yet']
      : state.isHealthy
        ? ['good', 'all is well']
        : ['bad', `${problems} ${problems === 1 ? 'problem' : 'problems'}`];
  return (
    <p class={`pill ${tone}`} role="status">
      {text}
    </p>
  );
}

function Totals({ state: { tiers } }: { readonly state: ClusterState }) {
  const { agent: agents, 'push-server': servers } = tiers;
  const totals: readonly (readonly [string, number])[] = [
    ['agents', agents?.nodes ?? 0],
    ['push-servers', servers?.nodes ?? 0],
    ['connections', agents?.connections ?? servers?.connections ?? 0],
    ['messages/s', servers?.perSecond.messages ?? 0],
    ['deliveries/s', servers?.perSecond.deliveries ?? 0],
    ['requests/s', agents?.perSecond.requests ?? 0],
  ];
  return (
    <dl class="totals">
      {totals.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{count(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
