import type { ClusterHistory } from '@gopush/cluster';
import { Chart, type Series } from './chart.tsx';
import { count, milliseconds } from './format.ts';

type Tier = ClusterHistory['tiers'][string];

/** The last 15 minutes. */
export function Charts({ history }: { readonly history: ClusterHistory }) {
  const { tiers, refusals, stepMs, at } = history;
  const agents = tiers.agent;
  const servers = tiers['push-server'];
  const seconds = stepMs / 1_000;
  const rate = (points: readonly number[] | undefined): number[] => (points ?? []).map((value) => value / seconds);
  const both = (pick: (tier: Tier) => readonly number[]): Series[] => [
    ...(agents ? [{ name: 'agents', points: pick(agents) }] : []),
    ...(servers ? [{ name: 'push-servers', points: pick(servers) }] : []),
  ];
  const charts: readonly {
    readonly title: string;
    readonly format: (value: number) => string;
    readonly series: readonly Series[];
  }[] = [
    { title: 'Connections', format: count, series: both((tier) => tier.connections) },
    { title: 'Messages per second', format: count, series: both((tier) => rate(tier.messages)) },
    { title: 'Deliveries per second', format: count, series: both((tier) => rate(tier.deliveries)) },
    {
      title: 'Sessions that moved in 10 s',
      format: count,
      series: agents
        ? [
            { name: 'migrated', points: agents.migrated },
            { name: 'failed over', points: agents.failedOver },
            { name: 'fell back', points: agents.fellBack },
          ]
        : [],
    },
    {
      title: 'Longest pause of a client',
      format: milliseconds,
      series: agents ? [{ name: 'pause', points: agents.pauseMs }] : [],
    },
    {
      title: 'Refusals in 10 s',
      format: count,
      series: refusals.slice(0, 4).map(({ cause, counts }) => ({ name: cause, points: counts })),
    },
    { title: 'Longest delay of an event loop', format: milliseconds, series: both((tier) => tier.loopDelayMs) },
    { title: 'Slowest write to the store', format: milliseconds, series: both((tier) => tier.storeMs) },
  ];
  return (
    <section aria-labelledby="charts">
      <h2 id="charts">The last 15 minutes</h2>
      <div class="charts">
        {charts.map((chart) => (
          <Chart key={chart.title} {...chart} at={at} stepMs={stepMs} />
        ))}
      </div>
    </section>
  );
}
