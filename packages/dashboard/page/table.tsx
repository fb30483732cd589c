import type { ComponentChildren } from 'preact';

/** A column of a table. */
export interface TableColumn<Row> {
  readonly name: string;
  readonly isNumber?: boolean;
  /** Whether it names the row. One column of a table does. */
  readonly isRowHeader?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
  /** Whether what it shows is bad. @defaultValue nothing is */
  readonly isBad?: (row: Row) => boolean;
}

/** A table that scrolls by itself, also by keyboard. */
export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  more,
  isNarrow = false,
}: {
  /** Its name for screen readers. */
  readonly label: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row, index: number) => string | number;
  /** Below it: how many rows are left out, and where to find them. */
  readonly more?: string | undefined;
  /** Whether its columns stand close together, for few of them. @defaultValue false */
  readonly isNarrow?: boolean;
}) {
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
      <section class="scroll tall" aria-label={label} tabIndex={0}>
        <table class={isNarrow ? 'narrow' : ''}>
          <thead>
            <tr>
              {columns.map(({ name, isNumber }) => (
                <th key={name} scope="col" class={isNumber ? 'number' : ''}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={keyOf(row, index)}>
                {columns.map((column) => (
                  <Cell key={column.name} column={column} row={row} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {more !== undefined && <p class="more">{more}</p>}
    </>
  );
}

function Cell<Row>({ column, row }: { readonly column: TableColumn<Row>; readonly row: Row }) {
  const { isNumber, isRowHeader, cell, isBad } = column;
  if (isRowHeader) return <th scope="row">{cell(row)}</th>;
  return <td class={`${isNumber ? 'number' : ''} ${isBad?.(row) ? 'bad' : ''}`.trim()}>{cell(row)}</td>;
}
