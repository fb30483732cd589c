import type { ComponentChildren } from 'preact';
import { bytes, count, milliseconds } from './format.ts';
import { NodeActions } from './node-actions.tsx';
import { PageLink } from './page-link.tsx';
import type { Node } from './use-act.ts';

/** All that is known of a node, and what it can be asked to do. */
export function NodeDetails({
  node,
  at,
  isThere,
}: {
  readonly node: Node;
  readonly at: number;
  readonly isThere: boolean;
}) {
  const { process, clients, totals, migrations, store } = node;
  const isAgent = node.tier === 'agent';
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ['process', `${node.pid} on ${node.host}`],
    ['address', node.address],
    ['admin listener', node.adminUrl && <PageLink node={node}>{node.adminUrl}</PageLink>],
    ['cores in use', process.cpu.toFixed(2)],
    ['heap', bytes(process.heapBytes)],
    ['store', `${store.kind} is ${store.state}, ${milliseconds(store.latencyMs)}`],
    ['requests', isAgent ? count(totals.requests) : undefined],
    ['waiting clients', isAgent ? count(clients.held) : undefined],
    ['rooms', isAgent ? undefined : count(clients.rooms)],
    ['users', isAgent ? undefined : count(clients.users)],
    ['bytes that wait', bytes(clients.queuedBytes)],
    ['not stored', isAgent ? undefined : `${count(totals.notKept)} messages`],
    ['gaps told', isAgent ? undefined : count(totals.gaps)],
    ['sessions', isAgent ? movedBy(node) : `${count(migrations.given)} given, ${count(migrations.taken)} taken`],
    ['pause, last minute', isAgent ? pauseOf(node) : undefined],
  ];
  return (
    <div class="details">
      <dl class="facts">
        {facts.map(
          ([name, text]) =>
            text !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </div>
            ),
        )}
      </dl>
      {node.state === 'draining' && <p>{drainHint(node, at)}</p>}
      {isThere && <NodeActions node={node} />}
    </div>
  );
}

function movedBy({ migrations: { migrated, failedOver, fellBack } }: Node): string {
  return `${count(migrated)} migrated, ${count(failedOver)} failed over, ${count(fellBack)} fell back`;
}

function pauseOf({ migrations: { longestPauseMs, p99PauseMs } }: Node): string {
  return longestPauseMs === 0 ? 'none' : `${milliseconds(longestPauseMs)} longest, ${milliseconds(p99PauseMs)} p99`;
}

/** After how long the clients that are left are those that cannot migrate, in milliseconds. */
const longMs = 20_000;

function drainHint({ clients, stateSince }: Node, at: number): string {
  if (clients.connections === 0) return 'No client is left: it can be stopped.';
  if (at - stateSince < longMs) return 'Its sessions migrate to other push-servers.';
  return 'Clients that are left cannot migrate, as with long-polling: they reconnect when it is stopped.';
}
