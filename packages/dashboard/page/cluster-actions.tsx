import { LogLevelForm } from './log-level-form.tsx';
import { SentLine } from './sent-line.tsx';
import { type Node, useAct } from './use-act.ts';

/** What an operator can have all nodes do. */
export function ClusterActions({ nodes }: { readonly nodes: readonly Node[] }) {
  const { sent, act } = useAct();
  const agents = nodes.filter(({ can }) => can.includes('rebalance'));
  const all = nodes.filter(({ can }) => can.includes('log-level'));
  if (all.length === 0) return null;
  return (
    <div class="actions all">
      <div class="fields">
        {agents.length > 0 && (
          <button
            type="button"
            title="Each session migrates to the target that a new client of its user would get"
            onClick={() => void act(agents, 'rebalance')}
          >
            Rebalance all agents
          </button>
        )}
        <LogLevelForm of="all nodes" onLevel={(level) => void act(all, 'log-level', level)} />
      </div>
      <SentLine sent={sent} />
    </div>
  );
}
