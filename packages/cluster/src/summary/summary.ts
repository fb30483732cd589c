import { z } from 'zod';

/** Version of the format. A reader ignores fields that it does not know, and summaries of another version. */
export const summaryVersion = 1;

/** Most entries of the lists of a summary. */
export const mostListed = { targets: 64, rooms: 32, causes: 12, refusals: 60, moves: 16, actions: 4, targetCauses: 4 };

/** Longest names in a summary, in characters: of products, targets, rooms, and the like. */
export const longestName = 200;

const name = z.string().max(longestName);
const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const causes = z
  .array(z.object({ cause: name, count }))
  .max(mostListed.causes)
  .default([]);
/** Not an array of the schema's own kind, which would take most of the time of reading a summary. */
const points = z.custom<readonly number[]>(isPoints);

/** A target as one agent sees it. */
const target = z.object({
  product: name,
  target: name,
  /** `up`, `rising`, `failing`, `ejected`, `not ready`, or `left`. */
  state: name,
  /** Why it is not up. */
  why: name.optional(),
  /** Open tunnels, connections that were handed off, and requests in flight. */
  connections: count,
  /** Messages each way, or requests, per second. */
  perSecond: count,
  /** Failures since the agent has started. */
  errors: count,
  /** The most frequent of them, by failure code. */
  causes,
});

const room = z.object({
  room: name,
  /** Connections in the room at this push-server. */
  members: count,
  /** Messages per second that were published and kept, by whichever node; absent: it keeps none, or it is not known yet. */
  perSecond: count.optional(),
});

/** Sessions that moved away from a target, one soon after the other, as one agent sees it. */
const moves = z.object({
  product: name,
  target: name,
  /** How long before the summary the first one began to move, and the last one had moved, in milliseconds. */
  startedMs: count,
  endedMs: count,
  migrated: count,
  failedOver: count,
  fellBack: count,
  longestPauseMs: count,
});

/** An action that an operator asked for. */
const action = z.object({
  id: name,
  action: name,
  /** Name of the key. */
  by: name,
  agoMs: count,
  /** What was done, or why it was not; absent: it is under way. */
  result: name.optional(),
  isDone: z.boolean().optional(),
});

/** What happened in steps of equal length, oldest first. All lists are of equal length. */
const history = z.object({
  stepMs: z.number().min(1_000).max(600_000),
  /** How long before the summary the last step ended, in milliseconds. */
  endedMs: count,
  /** Open connections at the end of each step. */
  connections: points,
  /** Messages in each step. */
  messages: points,
  deliveries: points,
  /** Sessions that migrated, and that failed over. */
  migrated: points,
  failedOver: points,
  /** Sessions that could do neither. Versions before do not tell it. */
  fellBack: points.default([]),
  /** Longest pause of a client in each step, in milliseconds. */
  pauseMs: points,
  /** Longest delay of the event loop, in milliseconds. */
  loopDelayMs: points,
  /** Slowest write to the store, in milliseconds. */
  storeMs: points,
  /** Refusals by step, counted from the last one (0), and cause. */
  refusals: z.array(z.tuple([count, name, count])).max(mostListed.refusals),
});

/** What a node tells of itself. Totals count from its start. */
export const summarySchema = z.object({
  v: z.literal(summaryVersion),
  /** Unique among all nodes; a process that replaces another has another id. */
  id: z.string().min(1).max(64),
  tier: name,
  /** Its name for people, the same after a restart. */
  name,
  host: name,
  /** Its machine: nodes with the same one reach each other by loopback addresses. */
  machine: name,
  pid: count,
  version: name,
  /** How long it has been running, in milliseconds. A time of its clock would mean nothing on other machines. */
  upMs: count,
  /** `starting`, `ready`, `impaired`, `draining` or `left`. */
  state: name,
  /** For how long it has been in this state, in milliseconds; absent in summaries of earlier versions. */
  stateMs: count.optional(),
  /** Why it is not ready. */
  why: name.optional(),
  /** Host and port for clients, as targets of agents are named. */
  address: name.optional(),
  /** URL of its admin listener, as seen from its machine. */
  adminUrl: name.optional(),
  process: z.object({
    loopDelayMs: count,
    rssBytes: count,
    heapBytes: count,
    /** Cores in use. */
    cpu: count,
  }),
  clients: z.object({
    connections: count,
    /** Connections that were handed off, or taken over. */
    handedOff: count,
    /** Connections that were taken over and that no agent owns as well. */
    ownedAlone: count,
    /** Clients that wait until a target is up. */
    held: count,
    rooms: count,
    users: count,
    /** Bytes that wait for slow clients. */
    queuedBytes: count,
  }),
  totals: z.object({
    /** Messages that came: from clients at an agent, published at a push-server. */
    messages: count,
    /** Messages that went to clients. */
    deliveries: count,
    requests: count,
    notKept: count,
    gaps: count,
  }),
  perSecond: z.object({ messages: count, deliveries: count, requests: count }),
  migrations: z.object({
    given: count,
    taken: count,
    migrated: count,
    failedOver: count,
    fellBack: count,
    /** Pauses of clients in the last minute, in milliseconds. */
    longestPauseMs: count,
    p99PauseMs: count,
  }),
  /** Why sessions fell back, or were not given. */
  fallbacks: causes,
  refusals: causes,
  targets: z.array(target).max(mostListed.targets).default([]),
  rooms: z.array(room).max(mostListed.rooms).default([]),
  /** The newest ones first. */
  moves: z.array(moves).max(mostListed.moves).default([]),
  /** Names of the actions that it does when another node asks, and the last ones that were asked for. */
  can: z.array(name).max(16).default([]),
  actions: z.array(action).max(mostListed.actions).default([]),
  store: z.object({
    kind: name,
    state: name,
    /** Why it does not respond. */
    problem: name.optional(),
    /** Duration of the last write of a summary, in milliseconds. */
    latencyMs: count,
    usedBytes: count.optional(),
  }),
  history,
});

/** What a node tells of itself. */
export type Summary = z.output<typeof summarySchema>;

/** A target as one agent sees it. */
export type TargetSummary = Summary['targets'][number];

/** Sessions that moved away from a target. */
export type MovesSummary = Summary['moves'][number];

/** An action that an operator asked for. */
export type ActionSummary = Summary['actions'][number];

/** What happened in steps of equal length. */
export type HistorySummary = Summary['history'];

/** A cause, and how often it occurred. */
export type CauseCount = Summary['refusals'][number];

/** Most points of a list. */
const mostPoints = 200;

function isPoints(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > mostPoints) return false;
  for (const point of value as unknown[]) {
    if (typeof point !== 'number' || !(point >= 0 && point <= Number.MAX_SAFE_INTEGER)) return false;
  }
  return true;
}
