import { count } from './format.ts';
import { causesOf, handedShare, type Line } from './map-lines.ts';
import { StateMark } from './state-mark.tsx';
import { Table, type TableColumn } from './table.tsx';

/** Most rows. */
const most = 100;

const columns: readonly TableColumn<Line>[] = [
  { name: 'from', cell: ({ fromName }) => fromName },
  { name: 'to', isRowHeader: true, cell: ({ toName }) => toName },
  { name: 'state', cell: ({ to, state }) => to.startsWith('target') && <StateMark state={state} /> },
  { name: 'connections', isNumber: true, cell: ({ connections }) => count(connections) },
  { name: 'handed over', isNumber: true, cell: (line) => `${handedShare(line) ?? 0} %` },
  { name: 'messages/s, both ways', isNumber: true, cell: ({ perSecond }) => count(perSecond) },
  { name: 'errors', isNumber: true, cell: ({ errors }) => count(errors), isBad: ({ errors }) => errors > 0 },
  { name: 'causes, since the agents started', cell: (line) => causesOf(line) || '–' },
];

/** The lines of the map as a table, with errors by cause. */
export function MapTable({ lines }: { readonly lines: readonly Line[] }) {
  return (
    <details>
      <summary>The map as a table, with errors by cause</summary>
      <Table
        label="Table of the map"
        columns={columns}
        rows={lines.slice(0, most)}
        keyOf={({ from, to }) => `${from} ${to}`}
        more={lines.length > most ? `${lines.length - most} more are not shown.` : undefined}
      />
    </details>
  );
}
