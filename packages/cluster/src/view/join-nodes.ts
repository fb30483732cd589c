import type { CauseCount, Summary } from '../summary/summary.ts';
import { topOf } from '../summary/top-list.ts';
import { type ClusterState, mostShown } from './cluster-state.ts';
import { joinProducts } from './join-products.ts';
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
}

/** Makes the state of a cluster of what its nodes tell. */
export function joinNodes(known: readonly KnownNode[], viewpoint: Viewpoint): ClusterState {
  const there = known.filter(isThere).map(({ summary }) => summary);
  const nodes = known.toSorted(inOrder).slice(0, mostShown.nodes);
  const { products, links, targetsLeftOut, productsLeftOut, linksLeftOut } = joinProducts(there);
  const rooms = joinRooms(there);
  const shownRooms = topOf(rooms, mostShown.rooms, ({ members }) => members);
  const problems = findProblems(known, viewpoint);
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
    refusals: joinCauses(there.map(({ refusals }) => refusals)),
    fallbacks: joinCauses(there.map(({ fallbacks }) => fallbacks)),
    leftOut: withoutZeros({
      nodes: known.length - nodes.length,
      products: productsLeftOut,
      targets: targetsLeftOut,
      links: linksLeftOut,
      rooms: rooms.length - shownRooms.length,
    }),
  };
}

/** Those that are there by tier and name; then those that are not, the last one first. */
function inOrder(a: KnownNode, b: KnownNode): number {
  if (isThere(a) !== isThere(b)) return isThere(a) ? -1 : 1;
  if (!isThere(a)) return a.ageMs - b.ageMs;
  const [one, two] = [a.summary, b.summary];
  return one.tier.localeCompare(two.tier) || one.name.localeCompare(two.name, 'en', { numeric: true });
}

function describeNode({ summary, ageMs, state }: KnownNode, at: number): ClusterState['nodes'][number] {
  const { id, tier, name, host, pid, version, why, address, adminUrl, upMs } = summary;
  const { process, clients, totals, perSecond, migrations, store } = summary;
  return {
    ...{ id, tier, name, host, pid, version, state },
    ...(why === undefined ? {} : { why }),
    ...(address === undefined ? {} : { address }),
    ...(adminUrl === undefined ? {} : { adminUrl }),
    startedAt: Math.max(0, Math.round(at - ageMs - upMs)),
    seenAt: Math.round(at - ageMs),
    ...{ process, clients, totals, perSecond, migrations, store },
  };
}

/** A node that is gone is a problem until another one with its name is there. */
function findProblems(known: readonly KnownNode[], { store }: Viewpoint): string[] {
  const problems: string[] = [];
  if (store.state !== 'up') problems.push(`the store is ${store.state}${store.problem ? `: ${store.problem}` : ''}`);
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
  for (const key of ['messages', 'deliveries', 'requests'] as const) tier.perSecond[key] += perSecond[key];
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
    perSecond: { messages: 0, deliveries: 0, requests: 0 },
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
    for (const { room, members } of node.rooms) {
      const joined = rooms.get(room) ?? { room, members: 0, servers: 0 };
      rooms.set(room, joined);
      joined.members += members;
      joined.servers++;
    }
  }
  return [...rooms.values()];
}

function joinCauses(lists: readonly (readonly CauseCount[])[]): CauseCount[] {
  const sums = new Map<string, number>();
  for (const { cause, count } of lists.flat()) sums.set(cause, (sums.get(cause) ?? 0) + count);
  return topOf(sums, mostShown.causes, ([, count]) => count).map(([cause, count]) => ({ cause, count }));
}

function withoutZeros(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
