import { count } from './format.ts';
import type { Node } from './use-act.ts';

/** How far the drain of a push-server is. */
export function DrainProgress({ node }: { readonly node: Node }) {
  const { given, fellBack } = node.migrations;
  const left = node.clients.connections;
  const done = given + fellBack;
  return (
    <span class="progress">
      <progress
        aria-label={`Drain of ${node.name}`}
        max={Math.max(1, done + left)}
        value={left === 0 ? Math.max(1, done) : done}
      />{' '}
      <span>{count(left)} left</span>
    </span>
  );
}
