import type { ClusterState } from '@gopush/cluster';
import { count } from './format.ts';
import { Table, type TableColumn } from './table.tsx';

/** A cause, and what it was the cause of. */
interface CauseRow {
  readonly cause: string;
  readonly times: number;
  readonly kind: 'refused' | 'session fell back';
}

/** What was refused, and which sessions could not move, since the nodes have started. */
export function Causes({
  state: { refusals, fallbacks },
  onCode,
}: {
  readonly state: ClusterState;
  /** Looks up what a failure code means. */
  onCode(code: string): void;
}) {
  const rows: CauseRow[] = [
    ...refusals.map(({ cause, count: times }) => ({ cause, times, kind: 'refused' as const })),
    ...fallbacks.map(({ cause, count: times }) => ({ cause, times, kind: 'session fell back' as const })),
  ];
  const columns: readonly TableColumn<CauseRow>[] = [
    {
      name: 'cause',
      isRowHeader: true,
      cell: ({ cause, kind }) =>
        kind === 'refused' ? (
          <button type="button" class="name" onClick={() => onCode(cause)}>
            {cause}
          </button>
        ) : (
          cause
        ),
    },
    { name: 'kind', cell: ({ kind }) => kind },
    { name: 'since the start', isNumber: true, cell: ({ times }) => count(times) },
  ];
  return (
    <section aria-labelledby="causes">
      <h2 id="causes">Refusals and fallbacks</h2>
      {rows.length === 0 ? (
        <p class="empty">Nothing was refused, and every session could move.</p>
      ) : (
        <Table
          label="Table of refusals and fallbacks"
          columns={columns}
          rows={rows}
          keyOf={({ kind, cause }) => `${kind} ${cause}`}
        />
      )}
    </section>
  );
}
