import { ConfirmButton } from './confirm-button.tsx';
import { clock } from './format.ts';
import { LogLevelForm } from './log-level-form.tsx';
import { SentLine } from './sent-line.tsx';
import { type Node, useAct } from './use-act.ts';

/** What an operator can have a node do, and what became of the last times. */
export function NodeActions({ node }: { readonly node: Node }) {
  const { sent, act } = useAct();
  const { can, name, state } = node;
  if (can.length === 0) return <p class="empty">This node takes no actions from other nodes.</p>;
  return (
    <div class="actions">
      <div class="fields">
        {can.includes('drain') && (
          <ConfirmButton
            label={`Drain ${name}`}
            sure="Drain: really?"
            disabled={state === 'draining'}
            onConfirm={() => void act([node], 'drain')}
          />
        )}
        {can.includes('rebalance') && (
          <button type="button" onClick={() => void act([node], 'rebalance')}>
            Rebalance {name}
          </button>
        )}
        {can.includes('log-level') && (
          <LogLevelForm of={name} onLevel={(level) => void act([node], 'log-level', level)} />
        )}
      </div>
      <SentLine sent={sent} />
      {node.actions.length > 0 && (
        <ol class="log" aria-label={`Last actions at ${name}`}>
          {node.actions.map(({ id, action, by, at, result, isDone }) => (
            <li key={id}>
              <time>{clock(at)}</time> <b>{action}</b> by {by}:{' '}
              <span class={isDone === false ? 'bad' : ''}>{result ?? 'under way …'}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
