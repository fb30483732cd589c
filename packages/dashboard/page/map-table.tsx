import { count } from './format.ts';
import { causesOf, handedShare, type Line } from './map-lines.ts';
import { StateMark } from './state-mark.tsx';

/** Most rows. */
const most = 100;

/** The lines of the map as a table, with errors by cause. */
export function MapTable({ lines }: { readonly lines: readonly Line[] }) {
  const shown = lines.slice(0, most);
  return (
    <details>
      <summary>The map as a table, with errors by cause</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
      <section class="scroll tall" aria-label="Table of the map" tabIndex={0}>
        <table class="wide">
          <thead>
            <tr>
              <th scope="col">from</th>
              <th scope="col">to</th>
              <th scope="col">state</th>
              <th scope="col" class="number">
                connections
              </th>
              <th scope="col" class="number">
                messages/s, both ways
              </th>
              <th scope="col" class="number">
                handed over
              </th>
              <th scope="col" class="number">
                errors
              </th>
              <th scope="col">causes, since the agents started</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((line) => (
              <tr key={`${line.from} ${line.to}`}>
                <td>{line.fromName}</td>
                <th scope="row">{line.toName}</th>
                <td>{line.to.startsWith('target') && <StateMark state={line.state} />}</td>
                <td class="number">{count(line.connections)}</td>
                <td class="number">{count(line.perSecond)}</td>
                <td class="number">{handedShare(line) ?? 0} %</td>
                <td class={`number ${line.errors > 0 ? 'bad' : ''}`}>{count(line.errors)}</td>
                <td>{causesOf(line) || '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {lines.length > most && <p class="more">{lines.length - most} more are not shown.</p>}
    </details>
  );
}
