import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';

/** What was refused, and which sessions could not move, since the nodes have started. */
export function Causes({ state: { refusals, fallbacks } }: { readonly state: ClusterState }) {
  return (
    <section aria-labelledby="causes">
      <h2 id="causes">Refusals and fallbacks</h2>
      {refusals.length + fallbacks.length === 0 ? (
        <p class="empty">Nothing was refused, and every session could move.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">cause</th>
              <th scope="col">kind</th>
              <th scope="col" class="number">
                since the start
              </th>
            </tr>
          </thead>
          <tbody>
            {refusals.map(({ cause, count: times }) => (
              <Row key={`r ${cause}`} cause={cause} kind="refused" times={times} />
            ))}
            {fallbacks.map(({ cause, count: times }) => (
              <Row key={`f ${cause}`} cause={cause} kind="session fell back" times={times} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ cause, kind, times }: { readonly cause: string; readonly kind: string; readonly times: number }) {
  return (
    <tr>
      <th scope="row">{cause}</th>
      <td>{kind}</td>
      <td class="number">{count(times)}</td>
    </tr>
  );
}
