import { useState } from 'preact/hooks';
import { ClusterActions } from './cluster-actions.tsx';
import { byName, type Column, columns, compareBy, isThere } from './node-columns.ts';
import { NodeRow } from './node-row.tsx';
import type { Node } from './use-act.ts';

/** All nodes, sorted by any column. A node opens to its details and actions. */
export function NodeTable({
  nodes,
  at,
  leftOut = 0,
}: {
  readonly nodes: readonly Node[];
  readonly at: number;
  readonly leftOut?: number | undefined;
}) {
  const [sort, setSort] = useState<{ readonly column: Column; readonly isDown: boolean }>();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string): void => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  const sorted =
    sort === undefined ? nodes : nodes.toSorted((a, b) => compareBy(sort.column, a, b) * (sort.isDown ? -1 : 1));
  const header = (column: Column) => (
    <th
      key={column.name}
      scope="col"
      class={column.isNumber ? 'number' : ''}
      aria-sort={sort?.column !== column ? 'none' : sort.isDown ? 'descending' : 'ascending'}
    >
      <button
        type="button"
        onClick={() => setSort({ column, isDown: sort?.column === column ? !sort.isDown : column.isNumber === true })}
      >
        {column.name}
      </button>
    </th>
  );
  return (
    <section aria-labelledby="nodes">
      <h2 id="nodes">Nodes</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
      <section class="scroll" aria-label="Table of nodes" tabIndex={0}>
        <table class="wide">
          <thead>
            <tr>
              {header(byName)}
              <th scope="col">state</th>
              {columns.map(header)}
            </tr>
          </thead>
          <tbody>
            {sorted.map((node) => (
              <NodeRow key={node.id} node={node} at={at} isOpen={open.has(node.id)} onToggle={() => toggle(node.id)} />
            ))}
          </tbody>
        </table>
      </section>
      {leftOut > 0 && <p class="more">{leftOut} more are not shown.</p>}
      <ClusterActions nodes={nodes.filter(isThere)} />
    </section>
  );
}
