import type { ClusterState } from '@gopush/cluster';
import { clock, count } from './format.ts';

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
      <h1>gopush</h1>
      <p class={`pill ${state === undefined ? 'unknown' : state.isHealthy ? 'good' : 'bad'}`} role="status">
        {state === undefined
          ? 'no data yet'
          : state.isHealthy
            ? 'all is well'
            : `${state.problems.length} ${state.problems.length === 1 ? 'problem' : 'problems'}`}
      </p>
      {state && (
        <dl class="totals">
          <Total name="agents" value={count(state.tiers.agent?.nodes ?? 0)} />
          <Total name="push-servers" value={count(state.tiers['push-server']?.nodes ?? 0)} />
          <Total
            name="connections"
            value={count(state.tiers.agent?.connections ?? state.tiers['push-server']?.connections ?? 0)}
          />
          <Total name="messages/s" value={count(state.tiers['push-server']?.perSecond.messages ?? 0)} />
          <Total name="deliveries/s" value={count(state.tiers['push-server']?.perSecond.deliveries ?? 0)} />
        </dl>
      )}
      {state && (
        <p class="by">
          by {state.by} at <time>{clock(state.at)}</time>
          {problem !== undefined && <strong class="stale"> · {problem}: this is the last state</strong>}
        </p>
      )}
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

function Total({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
