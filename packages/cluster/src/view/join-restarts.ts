import type { MovesSummary } from '../summary/summary.ts';
import { addressKey } from './address-key.ts';
import { type ClusterState, mostShown } from './cluster-state.ts';
import { isThere, type KnownNode } from './known-node.ts';

type Restart = ClusterState['restarts'][number];

/** How long before and after the moves of one agent those of another one count as the same restart, in milliseconds. */
const slackMs = 15_000;

/** How far back restarts are shown, in milliseconds. */
const lastMs = 900_000;

/** A run of moves at one agent, with the push-server that its sessions left. */
interface Told extends MovesSummary {
  readonly node: KnownNode | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
}

/**
 * Joins what agents tell of sessions that moved with what is known of the push-servers they left: drains, stops and crashes, the newest first.
 *
 * @param at - in milliseconds since 1970
 */
export function joinRestarts(known: readonly KnownNode[], at: number): { restarts: Restart[]; leftOut: number } {
  const servers = new Map<string, KnownNode[]>();
  for (const node of known) {
    const { address, machine } = node.summary;
    if (address === undefined) continue;
    const key = addressKey(machine, address);
    servers.set(key, [...(servers.get(key) ?? []), node]);
  }
  const restarts: Restart[] = [];
  for (const node of known) if (hasEnded(node)) restarts.push(restartOf(node, at));
  for (const told of toldBy(known, servers, at)) addTo(restarts, told);
  const recent = restarts.filter(({ endedAt }) => at - endedAt <= lastMs);
  recent.sort((a, b) => b.startedAt - a.startedAt);
  return { restarts: recent.slice(0, mostShown.restarts), leftOut: Math.max(0, recent.length - mostShown.restarts) };
}

/** Whether a push-server has ended or drains: it is shown even if no session had to move. */
function hasEnded({ summary: { tier, state: told }, state }: KnownNode): boolean {
  return tier === 'push-server' && (state === 'gone' || state === 'left' || told === 'draining');
}

function restartOf({ summary, state, ageMs }: KnownNode, at: number): Restart {
  const { id, name, stateMs = 0 } = summary;
  const what = whatIs(state);
  const since = Math.round(at - ageMs - (what === 'drain' ? stateMs : 0));
  return { node: id, name, what, startedAt: since, endedAt: since, ...none };
}

const none = { migrated: 0, failedOver: 0, fellBack: 0, longestPauseMs: 0 };

function whatIs(state: string): Restart['what'] {
  if (state === 'gone') return 'crash';
  if (state === 'left') return 'stop';
  return state === 'draining' ? 'drain' : 'move';
}

function* toldBy(
  known: readonly KnownNode[],
  servers: ReadonlyMap<string, readonly KnownNode[]>,
  at: number,
): Generator<Told> {
  for (const { summary, ageMs } of known) {
    for (const moves of summary.moves) {
      const startedAt = Math.round(at - ageMs - moves.startedMs);
      const endedAt = Math.round(at - ageMs - moves.endedMs);
      const node = findServer(servers.get(addressKey(summary.machine, moves.target)) ?? [], startedAt, at);
      yield { ...moves, node, startedAt, endedAt };
    }
  }
}

/** The process that had an address at that time: several may have had it, one after the other. */
function findServer(nodes: readonly KnownNode[], then: number, at: number): KnownNode | undefined {
  const startOf = ({ summary, ageMs }: KnownNode): number => at - ageMs - summary.upMs;
  const before = nodes.filter((node) => startOf(node) <= then);
  return before.reduce<KnownNode | undefined>(
    (last, node) => (last === undefined || startOf(node) > startOf(last) ? node : last),
    undefined,
  );
}

function addTo(restarts: Restart[], { node, target, startedAt, endedAt, ...told }: Told): void {
  const { migrated, failedOver, fellBack, longestPauseMs } = told;
  const name = node?.summary.name ?? target;
  const id = node?.summary.id;
  const isOver = node !== undefined && !isThere(node);
  let restart = restarts.find(
    (one) =>
      one.node === id &&
      one.name === name &&
      // Sessions that a process gave while it ended belong to its end, however long that took.
      (isOver || (startedAt <= one.endedAt + slackMs && endedAt >= one.startedAt - slackMs)),
  );
  if (restart === undefined) {
    const what = node === undefined ? 'move' : whatIs(node.state);
    restart = { ...(id === undefined ? {} : { node: id }), name, what, startedAt, endedAt, ...none };
    restarts.push(restart);
  }
  if (sumOf(restart) === 0) {
    // A drain has begun before its first session.
    if (restart.what !== 'drain') restart.startedAt = startedAt;
    restart.endedAt = endedAt;
  }
  restart.startedAt = Math.min(restart.startedAt, startedAt);
  restart.endedAt = Math.max(restart.endedAt, endedAt);
  restart.migrated += migrated;
  restart.failedOver += failedOver;
  restart.fellBack += fellBack;
  restart.longestPauseMs = Math.max(restart.longestPauseMs, longestPauseMs);
}

function sumOf({ migrated, failedOver, fellBack }: Restart): number {
  return migrated + failedOver + fellBack;
}
