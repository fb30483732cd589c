import { DrainProgress } from './drain-progress.tsx';
import { columns, isThere, shownIn } from './node-columns.ts';
import { NodeDetails } from './node-details.tsx';
import { StateMark } from './state-mark.tsx';
import type { Node } from './use-act.ts';

/** A node, and below it, if it is open, its details. */
export function NodeRow({
  node,
  at,
  isOpen,
  onToggle,
}: {
  readonly node: Node;
  readonly at: number;
  readonly isOpen: boolean;
  onToggle(): void;
}) {
  const details = `details-${node.id}`;
  return (
    <>
      <tr class={isThere(node) ? '' : 'ended'}>
        <th scope="row">
          <button type="button" class="opens" aria-expanded={isOpen} aria-controls={details} onClick={onToggle}>
            {node.name}
          </button>
        </th>
        <td>
          <StateMark state={node.state} />
          {node.state === 'draining' && <DrainProgress node={node} />}
          {node.why && <span class="why">{node.why}</span>}
        </td>
        {columns.map((column) => (
          <td key={column.name} class={column.isNumber ? 'number' : ''}>
            {shownIn(column, node, at)}
          </td>
        ))}
      </tr>
      {isOpen && (
        <tr class="opened" id={details}>
          <td colSpan={columns.length + 2}>
            <NodeDetails node={node} at={at} isThere={isThere(node)} />
          </td>
        </tr>
      )}
    </>
  );
}
