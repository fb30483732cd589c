import type { Logger } from '@gopush/service';
import type { SessionStore } from '@gopush/store';
import type { LiveSessions } from '../session/live-sessions.ts';
import type { Session } from '../session/session.ts';
import { encodeSession, type SessionRecord, type SocketRecord } from '../stored-session/session-record.ts';
import type { EngineSocket, FollowedConnection } from './followed-connection.ts';
import type { CannotMigrate, MigrationCounts } from './migration-counts.ts';
import { Slots } from './slots.ts';
import { when } from './wait-until.ts';

/** What handing sessions over needs. */
export interface GiveOptions {
  readonly store: SessionStore;
  readonly sessions: LiveSessions;
  readonly movables: ReadonlyMap<EngineSocket, FollowedConnection>;
  /** How many movable connections there have been. */
  readonly followed: () => number;
  /** Sessions that are being taken over, and whose connections are not there yet. */
  readonly arriving: ReadonlySet<unknown>;
  /** The session of a connection, with what sockets stood at when they ended. */
  readonly describe: (
    movable: FollowedConnection,
    ended: ReadonlyMap<Session, SocketRecord>,
  ) => SessionRecord | undefined;
  readonly whyNot: (conn: EngineSocket) => CannotMigrate | undefined;
  readonly keepMs: number;
  readonly answerMs: number;
  readonly counts: MigrationCounts;
  readonly log: Logger;
}

/** Hands sessions over to other nodes. */
export interface Give {
  /** The agent of a connection says that it has stopped the client, whether it was asked to or not. */
  stopped(movable: FollowedConnection): void;
  /** Hands over all sessions that can be, in `ms` milliseconds. With `stays` this node goes on, with those that cannot. */
  drain(ms: number, stays: boolean): Promise<void>;
  /** A session that was handed over goes on, by the id of its socket. */
  taken(socket: string): void;
}

/** How many sessions are worked at at a time: each client waits only for its own, and the longer the more there are. */
const atOnce = 8;

/** How long an agent that is asked to stop a client takes up one of these places, in milliseconds, and at most; the client may take longer to stop. */
const askMs = { first: 25, most: 50 };

/** After how many times the usual time of an answer an agent takes up no place any more. */
const patience = 4;

/** How long a connection takes up one of these places until it has taken what was written to it, in milliseconds. */
const flushMs = 20;

/**
 * What is left of a stop for sessions that have waited until then for their client to stop, or for answers of handlers, in milliseconds; a quarter of a
 * drain time that is short.
 */
const mostSpareMs = 500;

/** How long an agent may take to stop a client again, in milliseconds. */
const stopMs = 2_000;

/** How long a session that is being taken over may take to arrive, in milliseconds. */
const arriveMs = 2_000;

/** Where none of the sessions that were handed over has gone on for so long nobody takes any over, and none is waited for, in milliseconds. */
const takenMs = 300;

/** Opens the handing over of sessions: docs/protocol.md, "Seamless restart", 2 and 3. */
export function createGive(options: GiveOptions): Give {
  const { store, sessions, movables, arriving, describe, whyNot, keepMs, answerMs, counts, log } = options;
  const turns = new Slots(atOnce);
  /** Sessions that were handed over and do not go on yet, by the ids of their sockets, with who waits for that. */
  const underWay = new Map<string, () => void>();
  /** When one of them went on, or the first of them left. */
  let heardAt = 0;
  /** How many sessions are being moved. */
  let moving = 0;
  /** Until when all sessions are to have gone, in milliseconds since 1970. Several drains at once have the time of the longest. */
  let drainBy = 0;
  let spareMs = mostSpareMs;
  /** How long agents usually take to answer that a client is stopped, in milliseconds. */
  let usualMs = askMs.first / patience;
  /** Whether this node goes on after its drain. */
  let staying = false;

  /** Moves a session, and counts it until that is done. */
  function begin(work: () => Promise<unknown>): void {
    moving++;
    work()
      .catch((error: unknown) => log.error({ err: error }, 'giving a session failed'))
      .finally(() => moving--);
  }

  /** What each of all sessions may have of the time until then, where all are to have begun by half of it. */
  function shareOf(by: number): number {
    return Math.max(0, ((by - Date.now()) * atOnce) / Math.max(1, movables.size) / 2);
  }

  /**
   * Has a session leave in a drain. Waiting is nobody's turn: for as long as a client takes to stop, or handlers take to answer, other sessions
   * go.
   */
  async function move(movable: FollowedConnection): Promise<void> {
    if (movable.stage !== 'stays' || whyNot(movable.conn) !== undefined) return;
    movable.stage = 'waits';
    if (!(await isWhole(movable, () => drainBy))) {
      movable.stage = 'stays';
      if (movable.isOpen) counts.failed['not admitted']++;
      return;
    }
    await whenClientAnswered(movable);
    const isAsked = await Promise.race([turns.take('begins', () => ask(movable)), whenStoppedInDrain(movable)]);
    const isStopped = isAsked && (await whenStoppedInDrain(movable));
    if (!movable.isOpen) return;
    // One that is here only on trial may be another node's.
    if (!isStopped && (staying || !isAsked || !movable.own)) {
      movable.stage = 'stays';
      counts.failed[isAsked ? movable.whyNotStopped : 'too late']++;
      return;
    }
    await leave(movable, () => drainBy, isStopped);
  }

  /** Once its client is stopped nothing that it answers comes here. So it answers first what it was asked, for some of the time. */
  async function whenClientAnswered({ client }: FollowedConnection): Promise<void> {
    const by = Date.now() + Math.min(answerMs, Math.max(0, drainBy - Date.now()) / 4);
    await when(
      () => client.questions === 0,
      () => by,
    );
  }

  /** @returns whether it could be asked in time */
  async function ask(movable: FollowedConnection): Promise<boolean> {
    if (movable.isStopped || !movable.isOpen) return true;
    if (Date.now() >= drainBy - spareMs) return false;
    const askedAt = performance.now();
    movable.askToStop();
    if (await movable.whenStopped(Math.min(askMs.most, usualMs * patience, shareOf(drainBy)))) {
      usualMs += (performance.now() - askedAt - usualMs) / 8;
    }
    return true;
  }

  async function whenStoppedInDrain(movable: FollowedConnection): Promise<boolean> {
    // The time may become longer meanwhile.
    for (;;) {
      const ms = drainBy - spareMs - Date.now();
      if ((await movable.whenStopped(ms)) || ms <= 0 || !movable.isOpen) return movable.isStopped;
    }
  }

  /** Hands a session over when what its client has asked is answered. */
  async function leave(movable: FollowedConnection, by: () => number, isStopped: boolean): Promise<void> {
    movable.stage = 'leaves';
    if (!isStopped) counts.notStopped[movable.whyNotStopped]++;
    const answerBy = Date.now() + answerMs;
    for (;;) {
      const ofThis = await whenAnswered(movable, () => Math.min(answerBy, by() - spareMs));
      const isDone = await turns.take('goes on', async () => {
        // It was stopped so long ago that its agent is about to let it go on.
        if (isStopped && !movable.isStopped && movable.isOpen && Date.now() < by() - spareMs) return false;
        const taken = whenTaken(ofThis, by());
        if ((await handOver(movable, ofThis)) && (await isGiven(movable, by()))) await taken;
        return true;
      });
      if (isDone) return;
      movable.askToStop();
      await movable.whenStopped(stopMs);
    }
  }

  /**
   * Resolves when a session goes on elsewhere, which it has not done yet when its stream ends here: whoever takes it over sets the pace, or sessions
   * would wait there, with their clients. Where nobody can take it over yet, and where time is short, sessions go all the same.
   */
  function whenTaken(ofThis: readonly Session[], by: number): Promise<void> {
    const [first] = ofThis;
    if (first === undefined) return Promise.resolve();
    const { id } = first.socket;
    const now = Date.now();
    if (underWay.size === 0) heardAt = now;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, Math.min(shareOf(by), heardAt + takenMs - now)));
      underWay.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** One that has just come is to have entered all its namespaces first, and to have all that came since it was elsewhere. */
  async function isWhole(movable: FollowedConnection, by: () => number): Promise<boolean> {
    const isGone = (): boolean => !movable.isOpen;
    const { client } = movable;
    const arriveBy = Date.now() + answerMs;
    await when(
      () => (movable.sockets.size > 0 && client.hasReturned) || isGone(),
      () => Math.min(arriveBy, by()),
    );
    let begun = false;
    void Promise.all([...movable.sockets.keys()].map((id) => sessions.get(id)?.begun)).then(() => {
      begun = true;
    });
    // Most have, long ago.
    await new Promise((resolve) => setImmediate(resolve));
    await when(() => begun || isGone(), by);
    return (movable.sockets.size > 0 || !client.hasReturned) && !isGone();
  }

  /** Resolves when all is answered, in all namespaces, that the client has asked, which is stopped. */
  async function whenAnswered({ client }: FollowedConnection, by: () => number): Promise<Session[]> {
    await when(() => client.openings === 0, by);
    counts.unanswered += await client.answered(by() - Date.now());
    return [...client.sockets.keys()].flatMap((id) => sessions.get(id) ?? []);
  }

  /** Ends a session here and writes it down; nothing more is taken from the client. @returns `false` where that has gone */
  async function handOver(movable: FollowedConnection, ofThis: readonly Session[]): Promise<boolean> {
    const { conn } = movable;
    if (!movable.isOpen) return false;
    movable.moved = true;
    await (movable.nextSave ?? movable.saving);
    if (!movable.isOpen) {
      // It left meanwhile, and has ended as all that leave.
      store.remove(movable.key).catch(() => {});
      return false;
    }
    movable.client.hasMigrated = true;
    // One that could not be stopped may still say something.
    conn.transport.socket?.removeAllListeners('message');
    const ended = new Map(ofThis.map((session) => [session, session.describe(session.end('moved'))]));
    const record = describe(movable, ended);
    try {
      if (record !== undefined) await store.save(movable.key, encodeSession(record), keepMs);
      counts.handedOver++;
    } catch (error) {
      counts.failed['not kept']++;
      log.warn({ err: error }, 'a session could not be saved at its end: it continues from the last saved state');
    }
    return true;
  }

  /**
   * Ends the stream of a session that is written down, after all that was written to it; no close frame, so that the agent knows that it goes on
   * elsewhere.
   *
   * @returns `false` where the connection does not take that at once: it is waited for in nobody's turn
   */
  async function isGiven({ conn }: FollowedConnection, by: number): Promise<boolean> {
    const end = async (): Promise<void> => {
      await when(
        () => conn.writeBuffer.length === 0 || conn.readyState !== 'open',
        () => by,
      );
      // What was written in this tick leaves at its end.
      await new Promise((resolve) => setImmediate(resolve));
      conn.transport.socket?._socket?.end();
    };
    let isEnded = false;
    begin(() => end().finally(() => (isEnded = true)));
    const soon = Date.now() + flushMs;
    await new Promise((resolve) => setImmediate(resolve));
    await when(
      () => isEnded,
      () => soon,
    );
    return isEnded;
  }

  /** Moves all sessions, and those that are about to come: they were accepted before the port was closed. */
  async function moveAll(): Promise<void> {
    const begun = new Set<FollowedConnection>();
    for (;;) {
      const known = options.followed();
      for (const movable of movables.values()) {
        if (begun.has(movable)) continue;
        begun.add(movable);
        begin(() => move(movable));
      }
      const isMore = (): boolean => options.followed() > known;
      await when(
        () => moving === 0 || isMore(),
        () => drainBy,
      );
      const arriveBy = Date.now() + arriveMs;
      if (moving === 0)
        await when(
          () => arriving.size === 0 || isMore(),
          () => Math.min(arriveBy, drainBy),
        );
      if (!isMore() || Date.now() >= drainBy) break;
    }
    const lastly = Date.now() + spareMs;
    await when(
      () => moving === 0,
      () => lastly,
    );
    underWay.clear();
  }

  return {
    stopped(movable) {
      movable.tellStopped();
      if (movable.stage !== 'stays') return;
      // The agent itself wants the session elsewhere.
      movable.stage = 'waits';
      const own = Date.now() + answerMs + stopMs;
      const by = (): number => Math.max(own, drainBy);
      begin(async () => {
        if (await isWhole(movable, by)) await leave(movable, by, true);
        else movable.stage = 'stays';
      });
    },
    async drain(ms, stays) {
      staying = stays;
      drainBy = Math.max(drainBy, Date.now() + ms);
      spareMs = Math.min(mostSpareMs, (drainBy - Date.now()) / 4);
      const before = { ...counts.failed };
      const silent = counts.notStopped.silent;
      await moveAll();
      const late = counts.failed['too late'] - before['too late'];
      if (late > 0)
        log.warn({ sessions: late }, 'these sessions did not migrate in time: pushServer.drainMs is too short');
      const unheard = counts.failed.silent - before.silent + counts.notStopped.silent - silent;
      if (unheard > 0) {
        log.warn(
          { sessions: unheard },
          'agents did not confirm in time that the clients of these sessions are stopped: the clients do not read, or the agents are overloaded',
        );
      }
    },
    taken(socket) {
      heardAt = Date.now();
      underWay.get(socket)?.();
      underWay.delete(socket);
    },
  };
}
