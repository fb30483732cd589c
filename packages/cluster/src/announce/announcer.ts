import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type Logger, machineId } from '@gopush/service';
import type { Store } from '@gopush/store';
import type { NodeActions } from '../act/node-actions.ts';
import type { RouterFacts } from '../summary/router-state.ts';
import { shortName } from '../summary/short-name.ts';
import {
  type HistorySummary,
  mostListed,
  type Summary,
  summaryVersion,
  type TargetSummary,
} from '../summary/summary.ts';
import { topCauses, topOf } from '../summary/top-list.ts';
import { createSummaryWriter } from '../summary/write-summary.ts';
import { version } from '../version.ts';
import { History, stepMs } from './history.ts';
import type { Moves } from './moves.ts';
import type { NodeFacts, RoomFacts, TargetFacts } from './node-facts.ts';
import type { Pauses } from './pauses.ts';
import { ProcessUse } from './process-use.ts';

/** The parts of a store that an announcer uses. */
type SummaryTarget = Pick<Store, 'kind' | 'state' | 'problem' | 'usedBytes' | 'summaries'>;

/** What an announcer is made of. */
export interface AnnouncerOptions {
  readonly tier: 'agent' | 'push-server';
  /** Name of the node for people. */
  readonly name: string;
  /** Id by which other data of the store names this node. @defaultValue a random one */
  readonly id?: string;
  readonly store: SummaryTarget;
  /** What the node tells of itself now. */
  readonly describe: () => NodeFacts;
  /** Pauses of clients; absent: this node does not measure any. */
  readonly pauses?: Pauses;
  /** Sessions that moved away from targets; absent: this node has none. */
  readonly moves?: Moves;
  /** What operators may have it do; absent: nothing. */
  readonly actions?: NodeActions;
  readonly log: Logger;
}

/** What the node tells now. */
interface Told {
  readonly summary: Summary;
  readonly history: HistorySummary;
  readonly router: RouterFacts | undefined;
}

/** Time between two summaries, in milliseconds. */
const announceMs = 1_000;

/** Writes the summary of this node into the store each second, and a last one when the node ends by plan. */
export class Announcer {
  readonly id: string;
  readonly #options: AnnouncerOptions;
  readonly #startedAt = performance.now() - process.uptime() * 1_000;
  readonly #history = new History(performance.now(), Date.now() % stepMs);
  readonly #use = new ProcessUse();
  readonly #encode = createSummaryWriter();
  readonly #messagesOf = new Map<string, number>();
  readonly #publishedIn = new Map<string, number>();
  #totals: Summary['totals'] | undefined;
  #at = performance.now();
  #latencyMs = 0;
  /** The write that is under way: there is never more than one. */
  #writing: Promise<void> | undefined;
  #isClosed = false;
  #state: { readonly name: string; readonly since: number } = { name: '', since: 0 };
  readonly #timer: NodeJS.Timeout;

  constructor(options: AnnouncerOptions) {
    this.id = options.id ?? randomBytes(9).toString('base64url');
    this.#options = options;
    this.#timer = setInterval(() => this.announce(), announceMs).unref();
    this.announce();
  }

  /** Publishes a summary now, unless the store has not taken the last one yet. */
  announce(): void {
    const told = this.#summarize();
    if (told !== undefined) this.#writing ??= this.#write(told);
  }

  /** The node ends by plan. While the store is down, it is seen as gone instead. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#writing;
    const told = this.#summarize();
    if (told !== undefined) await this.#write({ ...told, summary: { ...told.summary, state: 'left' } });
  }

  async #write({ summary, history, router }: Told): Promise<void> {
    const startedAt = performance.now();
    let command: Buffer | undefined;
    try {
      command = await this.#options.store.summaries.write(this.id, this.#encode(summary, history, router));
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the summary of this node could not be stored; it will be retried');
    }
    this.#latencyMs = performance.now() - startedAt;
    this.#writing = undefined;
    if (command !== undefined && !this.#isClosed) this.#options.actions?.run(command);
  }

  /** @returns `undefined` after a fault of the program, which must not end it */
  #summarize(): Told | undefined {
    try {
      return this.#describe(performance.now());
    } catch (error) {
      this.#options.log.error({ err: error }, 'the summary of this node could not be made');
      return undefined;
    }
  }

  #describe(now: number): Told {
    const { tier, name, store, describe, pauses, moves, actions } = this.#options;
    const facts = describe();
    const seconds = Math.max(0.1, (now - this.#at) / 1_000);
    this.#at = now;
    const refusals = [...facts.refusals];
    const latencyMs = round(this.#latencyMs);
    this.#history.add(
      {
        connections: facts.clients.connections,
        ...facts.totals,
        ...facts.migrations,
        pauseMs: pauses?.takeLongest() ?? 0,
        loopDelayMs: facts.loopDelayMs,
        storeMs: latencyMs,
        refusals,
      },
      now,
    );
    const perSecond = this.#ratesOf(facts.totals, seconds);
    const { longestMs = 0, p99Ms = 0 } = pauses?.lately(now) ?? {};
    const { usedBytes, problem } = { usedBytes: store.usedBytes(), problem: store.problem() };
    const { history, endedMs } = this.#history.describe(now);
    const summary: Summary = {
      v: summaryVersion,
      id: this.id,
      tier,
      name: shortName(name),
      host: shortName(hostname()),
      machine: shortName(machineId()),
      pid: process.pid,
      version,
      upMs: Math.round(now - this.#startedAt),
      state: facts.state,
      stateMs: Math.round(now - this.#since(facts.state, now)),
      ...textOf('why', facts.why),
      ...textOf('address', facts.address),
      ...textOf('adminUrl', facts.adminUrl),
      process: { loopDelayMs: round(facts.loopDelayMs), ...this.#use.read(seconds) },
      clients: facts.clients,
      totals: facts.totals,
      perSecond,
      migrations: { ...facts.migrations, longestPauseMs: round(longestMs), p99PauseMs: round(p99Ms) },
      fallbacks: topCauses(facts.fallbacks),
      refusals: topCauses(refusals),
      targets: this.#targetsOf(facts.targets, seconds, perSecond.messages + perSecond.deliveries + perSecond.requests),
      rooms: this.#roomsOf(facts.rooms, seconds),
      moves: moves?.describe(now) ?? [],
      can: actions?.names ?? [],
      actions: actions?.describe(now) ?? [],
      store: {
        kind: store.kind,
        state: store.state(),
        ...textOf('problem', problem),
        latencyMs,
        ...(usedBytes === undefined ? {} : { usedBytes }),
      },
      historyEndedMs: endedMs,
    };
    return { summary, history, router: facts.router };
  }

  #since(state: string, now: number): number {
    if (state !== this.#state.name) this.#state = { name: state, since: now };
    return this.#state.since;
  }

  #ratesOf(totals: Summary['totals'], seconds: number): Summary['perSecond'] {
    const before = this.#totals ?? totals;
    this.#totals = totals;
    const rate = (key: keyof Summary['perSecond']): number => round(Math.max(0, totals[key] - before[key]) / seconds);
    return {
      messages: rate('messages'),
      deliveries: rate('deliveries'),
      requests: rate('requests'),
      handedOff: rate('handedOff'),
    };
  }

  /** The targets with most connections. @param most - messages per second of all of them */
  #targetsOf(targets: readonly TargetFacts[], seconds: number, most: number): TargetSummary[] {
    const top = topOf(targets, mostListed.targets, ({ connections }) => connections);
    const listed = top.map(({ messages, why, causes = [], ...target }) => {
      const key = `${target.product} ${target.target}`;
      // A session that migrates takes what it has carried before to its next target: that was not carried now.
      const carried = Math.max(0, messages - (this.#messagesOf.get(key) ?? messages));
      const perSecond = round(Math.min(most, carried / seconds));
      return {
        ...target,
        product: shortName(target.product),
        target: shortName(target.target),
        ...textOf('why', why),
        perSecond,
        causes: topCauses(causes).slice(0, mostListed.targetCauses),
      };
    });
    this.#messagesOf.clear();
    for (const { product, target, messages } of top) this.#messagesOf.set(`${product} ${target}`, messages);
    return listed;
  }

  /** The rooms with most connections. */
  #roomsOf(rooms: Iterable<RoomFacts>, seconds: number): Summary['rooms'] {
    const top = topOf(rooms, mostListed.rooms, ({ members }) => members);
    const listed = top.map(({ room, members, published }) => {
      const before = this.#publishedIn.get(room);
      const isKnown = published !== undefined && before !== undefined;
      return {
        room: shortName(room),
        members,
        ...(isKnown ? { perSecond: round(Math.max(0, published - before) / seconds) } : {}),
      };
    });
    this.#publishedIn.clear();
    for (const { room, published } of top) if (published !== undefined) this.#publishedIn.set(room, published);
    return listed;
  }
}

function textOf<K extends string>(key: K, text: string | undefined): { readonly [P in K]?: string } {
  return text === undefined ? {} : ({ [key]: shortName(text) } as { [P in K]: string });
}

/** One decimal is enough for people. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
