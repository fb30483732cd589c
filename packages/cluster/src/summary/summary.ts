import { z } from 'zod';
import { isListOf, isRowOf } from './is-list-of.ts';
import { longestName } from './short-name.ts';

/** Version of the format. A reader ignores fields that it does not know, and summaries of another version. */
export const summaryVersion = 1;

/** Most entries of the lists of a summary. */
export const mostListed = { targets: 64, rooms: 32, causes: 12, refusals: 60, moves: 16, actions: 4, targetCauses: 4 };

const name = z.string().max(longestName);
/** Most points of a list of the history. */
const mostPoints = 200;

const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const causes = z
  .array(z.object({ cause: name, count }))
  .max(mostListed.causes)
  .default([]);
const points = z.custom<readonly number[]>(isListOf(isCount, mostPoints));

/** A target as one agent sees it. */
export interface TargetSummary {
  readonly product: string;
  readonly target: string;
  /** `up`, `rising`, `failing`, `ejected`, `draining`, `not ready`, or `left`. */
  readonly state: string;
  /** Why it is not up. */
  readonly why?: string | undefined;
  /** Open tunnels, connections that were handed over, and requests in flight. */
  readonly connections: number;
  /** Those of them that were handed over. Versions before do not tell it. */
  readonly handedOff?: number | undefined;
  /** Messages each way, or requests, per second; not those of connections that were handed over, which the agent does not see. */
  readonly perSecond: number;
  /** Failures since the agent has started. */
  readonly errors: number;
  /** The most frequent of them, by failure code. */
  readonly causes: readonly CauseCount[];
}

const isTarget = isRowOf<TargetSummary>({
  ...{ product: isName, target: isName, state: isName, why: isNameOrAbsent },
  ...{ connections: isCount, handedOff: isCountOrAbsent, perSecond: isCount, errors: isCount },
  causes: isListOf(isRowOf<CauseCount>({ cause: isName, count: isCount }), mostListed.causes),
});

/** A room at one push-server. */
export interface RoomSummary {
  readonly room: string;
  /** Connections in the room at this push-server. */
  readonly members: number;
  /** Messages per second that were published and kept, by whichever node; absent: it keeps none, or it is not known yet. */
  readonly perSecond?: number | undefined;
}

const isRoom = isRowOf<RoomSummary>({ room: isName, members: isCount, perSecond: isCountOrAbsent });

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
export const historySchema = z.object({
  stepMs: z.number().min(1_000).max(600_000),
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

/** The summary that a node publishes about itself, without its history. Totals count from its start. */
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
    /** Connections that were handed over, or taken over. */
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
    /** Messages each way of connections that were handed over, at a push-server. Versions before do not tell it. */
    handedOff: count.default(0),
    notKept: count,
    gaps: count,
  }),
  perSecond: z.object({ messages: count, deliveries: count, requests: count, handedOff: count.default(0) }),
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
  targets: z.custom<readonly TargetSummary[]>(isListOf(isTarget, mostListed.targets)),
  rooms: z.custom<readonly RoomSummary[]>(isListOf(isRoom, mostListed.rooms)),
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
  /** How long before the summary the last step of its history ended, in milliseconds. */
  historyEndedMs: count,
});

/** What a node tells of itself. */
export type Summary = z.output<typeof summarySchema>;

/** Sessions that moved away from a target. */
export type MovesSummary = Summary['moves'][number];

/** An action that an operator asked for. */
export type ActionSummary = Summary['actions'][number];

/** What happened in steps of equal length. */
export type HistorySummary = z.output<typeof historySchema>;

/** A cause, and how often it occurred. */
export interface CauseCount {
  cause: string;
  count: number;
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length <= longestName;
}

function isNameOrAbsent(value: unknown): boolean {
  return value === undefined || isName(value);
}

function isCountOrAbsent(value: unknown): boolean {
  return value === undefined || isCount(value);
}
