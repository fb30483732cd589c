import type { FollowedConnection } from '../follow/followed-connection.ts';
import type { FollowedConnections } from '../follow/followed-connections.ts';
import type { Arrivals } from '../take/arrivals.ts';
import { DrainDeadline, shareOf } from './drain-deadline.ts';
import { type EndContext, endSession } from './end-session.ts';
import { GivePace } from './give-pace.ts';
import { type GiveContext, giveSession, stopAgainMs } from './give-session.ts';
import { PendingTakes } from './pending-takes.ts';
import { RunningWork } from './running-work.ts';
import { Slots } from './slots.ts';
import { StopRequests } from './stop-requests.ts';
import { StoppedAhead } from './stopped-ahead.ts';
import { waitUntil } from './wait-until.ts';
import { whenWhole } from './when-whole.ts';

/** What giving the sessions of a node needs. */
export interface GiveSessionsOptions extends EndContext, Pick<GiveContext, 'sessions' | 'answerMs'> {
  readonly followed: Pick<FollowedConnections, 'values' | 'size' | 'followedEver' | 'whyNot'>;
  readonly arrivals: Pick<Arrivals, 'size'>;
  /** How long a drain may last in all while sessions leave, in milliseconds. */
  readonly maxDrainMs: number;
}

/** How long a session that is being taken may need to arrive, in milliseconds. */
const arriveMs = 2_000;

/** How long a drain waits for agents to have connections that were handed over and have no other owner, in milliseconds. */
const adoptMs = 5_000;

/**
 * Gives the sessions of this node to other nodes (docs/protocol.md, "Seamless restart", 2 and 3): all of them in a
 * drain, one if its agent wants it.
 */
export class GiveSessions {
  readonly #options: GiveSessionsOptions;
  readonly #deadline: DrainDeadline;
  readonly #pace: GivePace;
  readonly #slots = new Slots(() => this.#pace.size);
  readonly #takes = new PendingTakes(
    (ms) => this.#pace.took(ms, this.#slots.isFull),
    () => this.#pace.takeMs,
  );
  readonly #stops = new StopRequests();
  readonly #ahead = new StoppedAhead<FollowedConnection>((most) =>
    // Without a drain there is time.
    this.#deadline.isOver ? Number.POSITIVE_INFINITY : this.#shareMs(most),
  );
  readonly #work: RunningWork;
  readonly #context: GiveContext;
  /** Whether this node keeps running after its drain. */
  #stays = false;

  constructor(options: GiveSessionsOptions) {
    const { sessions, answerMs, counts, maxDrainMs, log } = options;
    const deadline = new DrainDeadline(maxDrainMs);
    this.#options = options;
    this.#deadline = deadline;
    this.#pace = new GivePace(() => options.followed.size);
    this.#work = new RunningWork(log);
    this.#context = {
      sessions,
      slots: this.#slots,
      ahead: this.#ahead,
      takes: this.#takes,
      work: this.#work,
      deadline,
      answerMs,
      counts,
      shareMs: (by) => this.#shareMs(this.#pace.size, by),
      end: async (followed, ofThis) => {
        const hasEnded = await endSession(followed, ofThis, options);
        deadline.left();
        return hasEnded;
      },
    };
  }

  /** How long one session may hold up others, in milliseconds. @param count - how many do at a time */
  #shareMs(count: number, by = this.#deadline.by): number {
    return shareOf(Math.max(by, this.#deadline.limit) - performance.now(), this.#options.followed.size, count);
  }

  /** Another node has taken a session. @param socket - the id of its socket */
  taken(socket: string): void {
    this.#takes.taken(socket);
  }

  /**
   * The agent of a connection reports that the client has stopped. If it was not asked to stop it, it wants the session
   * elsewhere.
   */
  stopped(followed: FollowedConnection): void {
    followed.tellStopped();
    if (followed.stage !== 'stays') return;
    followed.stage = 'waits';
    const { sessions, answerMs } = this.#options;
    const own = performance.now() + answerMs + stopAgainMs;
    const by = (): number => Math.max(own, this.#deadline.by);
    this.#work.run(async () => {
      const isWhole = await whenWhole(followed, sessions, { answerMs, by });
      if (isWhole) await giveSession(followed, { by, isStopped: true }, this.#context);
      else followed.stay();
    });
  }

  /**
   * The agent of a client that was handed over wants its session elsewhere. It stays while it is being taken, within an event of its client, or while
   * the client does not keep up: its connection could not be given back.
   */
  wanted(followed: FollowedConnection): void {
    if (followed.stage !== 'stays' || !isQuiet(followed) || this.#options.followed.whyNot(followed.conn) !== undefined)
      return;
    followed.stage = 'waits';
    const { sessions, answerMs } = this.#options;
    let until = performance.now() + answerMs + stopAgainMs;
    const by = (): number => Math.max(until, this.#deadline.by);
    const giveUnlessBusy = async (): Promise<void> => {
      const isWhole = followed.isOwn && (await whenWhole(followed, sessions, { answerMs, by }));
      if (isWhole) await this.#ahead.enter(followed);
      until = performance.now() + answerMs + stopAgainMs;
      if (isWhole && isQuiet(followed)) followed.askToStop();
      if (isWhole && isQuiet(followed) && (await followed.whenStopped(by() - performance.now())))
        await giveSession(followed, { by, isStopped: true }, this.#context);
      else {
        followed.stay();
        // A drain that has begun meanwhile has passed it over.
        if (!this.#deadline.isOver) await this.#giveInDrain(followed);
      }
    };
    this.#work.run(() => giveUnlessBusy().finally(() => this.#ahead.leave(followed)));
  }

  /**
   * Gives all sessions that can migrate. It ends when none has left for `ms` milliseconds, and after `maxDrainMs` at the latest.
   *
   * @param stays - whether this node keeps running afterwards, with the sessions that cannot
   */
  async drain(ms: number, stays: boolean): Promise<void> {
    const { counts, log } = this.#options;
    this.#stays = stays;
    this.#deadline.extend(ms);
    const before = { ...counts.failed };
    const silent = counts.notStopped.silent;
    await this.#giveAll();
    const late = counts.failed['too late'] - before['too late'];
    if (late > 0) {
      log.warn(
        { sessions: late },
        'these sessions did not migrate in time: none could leave for pushServer.drainMs, or pushServer.maxDrainMs is too short',
      );
    }
    const unheard = counts.failed.silent - before.silent + counts.notStopped.silent - silent;
    if (unheard > 0) {
      log.warn(
        { sessions: unheard },
        'agents did not confirm in time that the clients of these sessions are stopped: the clients do not read, or the agents are overloaded',
      );
    }
  }

  /**
   * Gives all sessions, including those that are about to arrive on connections that were accepted before the port was closed. Sessions whose agent
   * has just ended are served here until another agent has their connections, and are then given too.
   */
  async #giveAll(): Promise<void> {
    const { followed, arrivals, counts } = this.#options;
    const deadline = this.#deadline;
    const begun = new Set<FollowedConnection>();
    const adoptBy = performance.now() + adoptMs;
    let alone: FollowedConnection[] = [];
    for (;;) {
      const known = followed.followedEver;
      // That is progress, as when one has left.
      if (alone.some(({ hasAgent }) => hasAgent)) deadline.left();
      alone = [];
      for (const one of followed.values()) {
        if (begun.has(one)) continue;
        if (!one.hasAgent) {
          alone.push(one);
          continue;
        }
        begun.add(one);
        this.#work.run(() => this.#giveInDrain(one));
      }
      const isMore = (): boolean => followed.followedEver > known || alone.some(({ hasAgent }) => hasAgent);
      const mayBeAdopted = (): boolean => performance.now() < adoptBy && alone.some(({ isOpen }) => isOpen);
      await waitUntil(
        () => (this.#work.count === 0 && !mayBeAdopted()) || isMore(),
        () => deadline.by,
      );
      const arriveBy = performance.now() + arriveMs;
      if (this.#work.count === 0) {
        await waitUntil(
          () => arrivals.size === 0 || isMore(),
          () => Math.min(arriveBy, deadline.by),
        );
      }
      if (!isMore() || deadline.isOver) break;
    }
    counts.failed['no agent'] += alone.filter(({ isOpen, hasAgent }) => isOpen && !hasAgent).length;
    const lastly = performance.now() + deadline.spareMs;
    await waitUntil(
      () => this.#work.count === 0,
      () => lastly,
    );
    this.#takes.clear();
  }

  /** Waiting occupies no slot: while a client takes to stop, or handlers take to ack, other sessions are given. */
  async #giveInDrain(followed: FollowedConnection): Promise<void> {
    const { sessions, answerMs, counts } = this.#options;
    if (followed.stage !== 'stays' || this.#options.followed.whyNot(followed.conn) !== undefined) return;
    followed.stage = 'waits';
    const by = (): number => this.#deadline.by;
    if (!(await whenWhole(followed, sessions, { answerMs, by }))) {
      followed.stay();
      if (followed.isOpen) counts.failed['not admitted']++;
      return;
    }
    await this.#whenClientAcked(followed);
    try {
      await this.#stopAndGive(followed);
    } finally {
      this.#ahead.leave(followed);
    }
  }

  async #stopAndGive(followed: FollowedConnection): Promise<void> {
    const { counts } = this.#options;
    const by = (): number => this.#deadline.by;
    const asked = this.#ahead.enter(followed).then(() => this.#slots.take('begins', () => this.#askToStop(followed)));
    const isAsked = await Promise.race([asked, this.#whenStopped(followed)]);
    const isStopped = isAsked && (await this.#whenStopped(followed, performance.now() + this.#deadline.stopMs));
    if (!followed.isOpen) return;
    // A session that is only tried here may be another node's.
    if (!isStopped && (this.#stays || !isAsked || !followed.isOwn)) {
      followed.stay();
      counts.failed[isAsked ? followed.whyNotStopped : 'too late']++;
      return;
    }
    await giveSession(followed, { by, isStopped }, this.#context);
  }

  /**
   * Nothing that a client sends after it has stopped comes here. So it may ack first what handlers asked it, for some
   * of the time.
   */
  async #whenClientAcked({ client }: FollowedConnection): Promise<void> {
    const msLeft = Math.max(0, this.#deadline.by - performance.now());
    const by = performance.now() + Math.min(this.#options.answerMs, msLeft / 4);
    await waitUntil(
      () => client.pendingAcks === 0,
      () => by,
    );
  }

  /** @returns whether the client could be asked in time */
  async #askToStop(followed: FollowedConnection): Promise<boolean> {
    if (followed.isStopped || !followed.isOpen) return true;
    if (performance.now() >= this.#deadline.stopBy) return false;
    await this.#stops.ask(followed, this.#context.shareMs(this.#deadline.by));
    return true;
  }

  /** @param by - until when at most, in time of `performance.now()` */
  async #whenStopped(followed: FollowedConnection, by = Number.POSITIVE_INFINITY): Promise<boolean> {
    // The deadline may be put off meanwhile.
    for (;;) {
      const ms = Math.min(this.#deadline.stopBy, by) - performance.now();
      if ((await followed.whenStopped(ms)) || ms <= 0 || !followed.isOpen) return followed.isStopped;
    }
  }
}

/** Whether nothing waits to be written to the client. */
function isQuiet({ taken }: FollowedConnection): boolean {
  return taken?.socket.writableLength === 0;
}
