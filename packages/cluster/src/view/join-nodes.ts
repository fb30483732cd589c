import type { Summary } from '../summary/summary.ts';
import { topOf } from '../summary/top-list.ts';
import { type ClusterState, mostShown } from './cluster-state.ts';
import { joinCauses } from './join-causes.ts';
import { joinProducts } from './join-products.ts';
import { joinRestarts } from './join-restarts.ts';
import { isThere, type KnownNode } from './known-node.ts';

type Tier = ClusterState['tiers'][string];

/** Where and when a cluster is shown. */
export interface Viewpoint {
  /** In milliseconds since 1970. */
  readonly at: number;
  /** Name of the node that shows it. */
  readonly by: string;
  readonly store: ClusterState['store'];
  /** Summaries that could not be read. */
  readonly unread: number;
  /** Those of them whose nodes are there. */
  readonly unreadThere: number;
}

/** Makes the state of a cluster of what its nodes tell. */
export function joinNodes(known: readonly KnownNode[], { unreadThere, ...viewpoint }: Viewpoint): ClusterState {
  const there = known.filter(isThere).map(({ summary }) => summary);
  const nodes = known.toSorted(inOrder).slice(0, mostShown.nodes);
  const { products, links, targetsLeftOut, productsLeftOut, linksLeftOut } = joinProducts(there, endedLast(known));
  const rooms = joinRooms(there);
  const shownRooms = topOf(rooms, mostShown.rooms, ({ members }) => members);
  const { restarts, leftOut: restartsLeftOut } = joinRestarts(known, viewpoint.at);
  const problems = findProblems(known, viewpoint.store, unreadThere);
  return {
    v: 1,
    ...viewpoint,
    isHealthy: problems.length === 0,
    problems,
    tiers: joinTiers(there),
    nodes: nodes.map((node) => describeNode(node, viewpoint.at)),
    products: [...products],
    links: [...links],
    rooms: shownRooms,
    restarts,
    refusals: joinCauses(
      there.map(({ refusals }) => refusals),
      mostShown.causes,
    ),
    fallbacks: joinCauses(
      there.map(({ fallbacks }) => fallbacks),
      mostShown.causes,
    ),
    leftOut: withoutZeros({
      nodes: known.length - nodes.length,
      products: productsLeftOut,
      targets: targetsLeftOut,
      links: linksLeftOut,
      rooms: rooms.length - shownRooms.length,
      restarts: restartsLeftOut,
    }),
  };
}

function endedLast(known: readonly KnownNode[]): Summary[] {
  const ended = known.filter((node) => !isThere(node)).sort((a, b) => b.ageMs - a.ageMs);
  return ended.map(({ summary }) => summary);
}

/** `localeCompare` would make one for each comparison. */
const byName = new Intl.Collator('en', { numeric: true });

/** Those that are there by tier and name; then those that are not, the last one first. */
function inOrder(a: KnownNode, b: KnownNode): number {
  if (isThere(a) !== isThere(b)) return isThere(a) ? -1 : 1;
  if (!isThere(a)) return a.ageMs - b.ageMs;
  const [one, two] = [a.summary, b.summary];
  return byName.compare(one.tier, two.tier) || byName.compare(one.name, two.name);
}

function describeNode({ summary, ageMs, state }: KnownNode, at: number): ClusterState['nodes'][number] {
  const { id, tier, name, host, pid, version, why, address, adminUrl, upMs } = summary;
  const { process, clients, totals, perSecond, migrations, store, can } = summary;
  const saidAt = at - ageMs;
  return {
    ...{ id, tier, name, host, pid, version, state },
    stateSince: Math.max(0, Math.round(isThere({ state }) ? saidAt - (summary.stateMs ?? upMs) : saidAt)),
    ...(why === undefined ? {} : { why }),
    ...(address === undefined ? {} : { address }),
    ...(adminUrl === undefined ? {} : { adminUrl }),
    startedAt: Math.max(0, Math.round(saidAt - upMs)),
    seenAt: Math.round(saidAt),
    ...{ process, clients, totals, perSecond, migrations, store, can },
    actions: summary.actions.map(({ agoMs, ...action }) => ({
      ...action,
      at: Math.max(0, Math.round(saidAt - agoMs)),
    })),
  };
}

/** A node that is gone is a problem until another one with its name is there. */
function findProblems(known: readonly KnownNode[], store: Viewpoint['store'], unreadThere: number): string[] {
  const problems: string[] = [];
  if (store.state !== 'up') problems.push(`the store is ${store.state}${store.problem ? `: ${store.problem}` : ''}`);
  if (unreadThere > 0)
    problems.push(`${unreadThere} nodes are not shown: this one cannot read what they tell, as of another version`);
  const names = new Set(known.filter(isThere).map(({ summary }) => summary.name));
  for (const { summary, state, ageMs } of known) {
    const { name, why } = summary;
    if (state === 'gone' && !names.has(name)) problems.push(`${name} is gone, since ${Math.round(ageMs / 1_000)} s`);
    if (state === 'impaired') problems.push(`${name} is impaired${why ? `: ${why}` : ''}`);
  }
  return problems.slice(0, mostShown.causes);
}

function joinTiers(nodes: readonly Summary[]): Record<string, Tier> {
  const tiers = new Map<string, Tier>();
  for (const node of nodes) {
    const tier = tiers.get(node.tier) ?? emptyTier();
    tiers.set(node.tier, tier);
    addNode(tier, node);
  }
  return Object.fromEntries(tiers);
}

function addNode(tier: Tier, { clients, perSecond, migrations, process, store }: Summary): void {
  tier.nodes++;
  for (const key of ['connections', 'handedOff', 'ownedAlone', 'held'] as const) tier[key] += clients[key];
  for (const key of ['messages', 'deliveries', 'requests', 'handedOff'] as const) tier.perSecond[key] += perSecond[key];
  const sum = tier.migrations;
  for (const key of ['given', 'taken', 'migrated', 'failedOver', 'fellBack'] as const) sum[key] += migrations[key];
  sum.longestPauseMs = Math.max(sum.longestPauseMs, migrations.longestPauseMs);
  sum.p99PauseMs = Math.max(sum.p99PauseMs, migrations.p99PauseMs);
  tier.loopDelayMs = Math.max(tier.loopDelayMs, process.loopDelayMs);
  tier.storeMs = Math.max(tier.storeMs, store.latencyMs);
}

function emptyTier(): Tier {
  return {
    nodes: 0,
    connections: 0,
    handedOff: 0,
    ownedAlone: 0,
    held: 0,
    perSecond: { messages: 0, deliveries: 0, requests: 0, handedOff: 0 },
    migrations: {
      ...{ given: 0, taken: 0, migrated: 0, failedOver: 0, fellBack: 0 },
      ...{ longestPauseMs: 0, p99PauseMs: 0 },
    },
    loopDelayMs: 0,
    storeMs: 0,
  };
}

function joinRooms(nodes: readonly Summary[]): ClusterState['rooms'] {
  const rooms = new Map<string, ClusterState['rooms'][number]>();
  for (const node of nodes) {
    for (const { room, members, perSecond } of node.rooms) {
      const joined = rooms.get(room) ?? { room, members: 0, servers: 0 };
      rooms.set(room, joined);
      joined.members += members;
      joined.servers++;
      // Each push-server sees all messages of a room.
      if (perSecond !== undefined) joined.perSecond = Math.max(joined.perSecond ?? 0, perSecond);
    }
  }
  return [...rooms.values()];
}

function withoutZeros(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
