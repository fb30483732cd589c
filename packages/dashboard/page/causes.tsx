import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';

/** What was refused, and which sessions could not move, since the nodes have started. */
export function Causes({
  state: { refusals, fallbacks },
  onCode,
}: {
  readonly state: ClusterState;
  /** Looks up what a failure code means. */
  onCode(code: string): void;
}) {
  return (
    <section aria-labelledby="causes">
      <h2 id="causes">Refusals and fallbacks</h2>
      {refusals.length + fallbacks.length === 0 ? (
        <p class="empty">Nothing was refused, and every session could move.</p>
      ) : (
        <div class="scroll">
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
                <tr key={`r ${cause}`}>
                  <th scope="row">
                    <button type="button" class="name" onClick={() => onCode(cause)}>
                      {cause}
                    </button>
                  </th>
                  <td>refused</td>
                  <td class="number">{count(times)}</td>
                </tr>
              ))}
              {fallbacks.map(({ cause, count: times }) => (
                <tr key={`f ${cause}`}>
                  <th scope="row">{cause}</th>
                  <td>session fell back</td>
                  <td class="number">{count(times)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
