import { randomBytes, randomInt } from 'node:crypto';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  canResumeHeader,
  drainPing,
  failures,
  goingPong,
  type Identity,
  incompleteMarks,
  isIdentitySigned,
  quietPong,
  readIdentity,
  readMark,
  readStickyMark,
  resumeAfterHeader,
  resumeHeader,
  resumeSkipHeader,
  stickyHeader,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { SessionStore } from '@gopush/store';
import type { Namespace, Server, Socket } from 'socket.io';
import { joinRuns, paced } from '../paced.ts';
import { refreshEach } from '../refresh-each.ts';
import type { ScopeOf } from '../rooms/room-names.ts';
import type { Session } from '../session.ts';
import { SmallSet } from '../small-set.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { Recovery } from './recovery.ts';
import { decodeSession, encodeSession, type SessionRecord, type SocketRecord } from './session-record.ts';
import { Turns } from './turns.ts';

/** What moving sessions needs. */
export interface SeamlessOptions {
  readonly io: Server;
  readonly http: HttpServer;
  readonly store: SessionStore;
  readonly recovery: Recovery;
  /** Name of this node on the bus. */
  readonly node: string;
  readonly sessions: LiveSessions;
  readonly scopeOf: ScopeOf;
  /** Whether Socket.IO's recovery is there, by which sockets go on. */
  readonly enabled: boolean;
  /** How long a session may be resumed after its node has written it down, in milliseconds. */
  readonly keepMs: number;
  /** How long a handler may take to answer what it has read, when its session is to move, in milliseconds. */
  readonly answerMs: number;
  readonly secrets: readonly string[];
  readonly log: Logger;
}

/**
 * Why a connection stays where it is: it has no stream, what it sends cannot be read elsewhere, or there is no agent before it that could move it.
 */
type CannotMove = 'polling' | 'compressed' | 'no agent';

/** What became of sessions. */
export interface MoveCounts {
  /** Handed over to whoever goes on with them. */
  handedOver: number;
  /** Taken over from another node. */
  resumed: number;
  /** Could not be handed over, by cause. */
  failed: Record<'silent' | 'too late' | 'not kept' | CannotMove, number>;
  /** Answers that handlers still owed when their session moved. */
  unanswered: number;
}

/** Moves live sessions to other nodes, behind agents that keep the connections of their clients. */
export interface Seamless {
  /** A session's rooms have changed: what is kept for a crash follows. */
  keep(session: Session): Promise<void>;
  /**
   * Hands over all sessions that can be; the others stay.
   *
   * @param how - `stays`: this node goes on to take sessions. @defaultValue it does not
   */
  drain(deadlineMs: number, how?: { readonly stays?: boolean }): Promise<void>;
  /** The store may have lost what it kept: all sessions are saved again, a few at a time. */
  saveAll(): void;
  /** A session that was handed over goes on. */
  taken(socket: string): void;
  readonly counts: MoveCounts;
  close(): void;
}

/** The WebSocket of Engine.IO's transport, with what we use of it. */
interface EngineWebSocket {
  readonly extensions: string;
  ping(payload: string, mask: boolean, done: (error?: Error) => void): void;
  on(event: 'pong', listener: (payload: Buffer) => void): this;
  off(event: string, listener: (...args: never[]) => void): this;
  once(event: 'close', listener: () => void): this;
  /** The connection below it; not documented, and unchanged since ws 3. */
  readonly _socket?: Duplex;
}

/** The connection of Engine.IO, with what we use of it. */
interface EngineSocket {
  readonly id: string;
  readonly transport: { readonly name: string; readonly socket?: EngineWebSocket };
  readonly readyState: string;
  readonly writeBuffer: readonly unknown[];
  sendPacket(type: 'ping'): void;
  emit(event: 'data', data: string): void;
  prependListener(event: 'close', listener: () => void): void;
  once(event: string, listener: () => void): void;
  close(): void;
}

/** What is known of a connection before it is there. */
interface Beginning {
  readonly token: string;
  readonly record: SessionRecord | undefined;
  readonly socket: Duplex;
}

/** A connection that an agent can move. */
interface Movable {
  token: string;
  readonly conn: EngineSocket;
  /** Sockets of Socket.IO on it. */
  readonly sockets: SmallSet<Socket>;
  /** Those that are not admitted yet. */
  readonly entering: SmallSet<Socket>;
  /** How many there are to be before it can go on elsewhere. */
  readonly expected: number;
  /** Whether it was taken over from another node. */
  readonly resumed: boolean;
  /** The save that is under way, and the one that waits for it. */
  saving: Promise<void> | undefined;
  nextSave: Promise<void> | undefined;
  /** Whether it is being handed over. */
  moving: boolean;
  moved: boolean;
  /**
   * Whether it is this node's. An agent may have asked others for the same session as well; until it says that the client goes on here, or that is
   * heard, another one may have it.
   */
  own: boolean;
  /** The token that it came with; `undefined`: it began here, or that has been used. */
  usedToken: string | undefined;
}

/** How many sessions are worked at at a time: each client waits only for its own, and the longer the more there are. */
const atOnce = 8;

/** What is left of a stop, for handing over sessions that have waited for answers of their handlers until then, in milliseconds. */
const spareMs = 500;

/** How long a session that is being taken over may take to arrive, in milliseconds. */
const arriveMs = 2_000;

/** Where none of the sessions that were handed over has gone on for so long nobody takes any over, and none is waited for, in milliseconds. */
const takenMs = 300;

/** How long a client that is taken over waits until its session is saved under its next token, in milliseconds. */
const savedMs = 300;

/** How long an agent may take to stop its client, in milliseconds. */
const quietMs = 2_000;

/** Sets up the moving of sessions: docs/protocol.md, "Seamless restart". */
export function createSeamless(options: SeamlessOptions): Seamless {
  const { io, http, store, recovery, node, sessions, scopeOf, enabled, keepMs, answerMs, secrets, log } = options;
  const userOf = ({ product, uid }: Identity): string => scopeOf(product) + uid;
  const engine = io.engine as unknown as {
    generateId(request: IncomingMessage): string | Promise<string>;
    on(event: string, listener: (...args: never[]) => void): void;
    readonly clients: Record<string, EngineSocket>;
  };
  const failed = { silent: 0, 'too late': 0, 'not kept': 0, polling: 0, compressed: 0, 'no agent': 0 };
  const counts: MoveCounts = { handedOver: 0, resumed: 0, failed, unanswered: 0 };
  const movables = new Map<EngineSocket, Movable>();
  /** How many there have been. */
  let followed = 0;
  const resumes = new WeakMap<IncomingMessage, SessionRecord>();
  /** Sessions that were taken over, and whose connections are not there yet. */
  const arriving = new Set<Duplex>();
  const tokens = new WeakMap<IncomingMessage, string>();
  /** By the next token of a session that is being taken over, the one that it came with. */
  const usedTokens = new Map<string, string>();
  const tokensOfUpgrades = new Map<string, string>();
  const beginnings = new Map<string, Beginning>();
  /** Sessions that were handed over and do not go on yet, by the ids of their sockets, with who waits for that. */
  const underWay = new Map<string, () => void>();
  /** When one of them went on, or the first of them left. */
  let heardAt = 0;
  /** How many sessions are being moved. */
  let moving = 0;
  let draining = false;

  const generateId = engine.generateId.bind(engine);
  engine.generateId = async (request) => {
    const record = resumes.get(request);
    const id = record?.engineId ?? (await generateId(request)) + markOf(request);
    // Until the connection is there, which has lost its request by then.
    const token = tokens.get(request);
    if (token !== undefined) beginnings.set(id, { token, record, socket: request.socket });
    return id;
  };

  engine.on('headers', (headers: Record<string, string>, request: IncomingMessage & { _query?: { sid?: string } }) => {
    if (request.headers.upgrade === undefined || request.headers[canResumeHeader] === undefined) return;
    // Without recovery nothing is there to go on from.
    if (!enabled) return;
    const token = tokens.get(request) ?? newToken();
    headers[resumeHeader] = token;
    const sid = request._query?.sid;
    if (sid === undefined) tokens.set(request, token);
    else tokensOfUpgrades.set(sid, token);
    const resumed = resumes.get(request);
    // Engine.IO's opening, and Socket.IO's answer for each namespace: the client has had its own.
    if (resumed !== undefined) headers[resumeSkipHeader] = String(1 + resumed.sockets.length);
  });

  engine.on('connection', (conn: EngineSocket) => {
    const beginning = beginnings.get(conn.id);
    beginnings.delete(conn.id);
    if (beginning !== undefined) follow(conn, beginning.token, beginning.record);
    else if (conn.transport.name === 'polling') {
      conn.once('upgrade', () => {
        const later = tokensOfUpgrades.get(conn.id);
        tokensOfUpgrades.delete(conn.id);
        if (later === undefined) return;
        const movable = follow(conn, later);
        for (const { socket } of sessions.on(conn)) movable.sockets.add(socket);
        void save(movable);
      });
      conn.once('close', () => tokensOfUpgrades.delete(conn.id));
    }
    const record = beginning?.record;
    if (record === undefined) return;
    arriving.delete(beginning?.socket as Duplex);
    counts.resumed++;
    // In the client's name: Socket.IO then asks for what was there, as for any client that comes back.
    try {
      for (const socket of record.sockets) conn.emit('data', connectPacket(socket));
    } catch (error) {
      log.error({ err: error }, 'a session cannot be resumed: its client has to begin a new one');
      conn.close();
    }
  });

  function follow(conn: EngineSocket, token: string, record?: SessionRecord): Movable {
    const movable: Movable = {
      token,
      conn,
      sockets: new SmallSet(),
      entering: new SmallSet(),
      expected: record?.sockets.length ?? 1,
      resumed: record !== undefined,
      saving: undefined,
      nextSave: undefined,
      moving: false,
      moved: false,
      own: record === undefined,
      usedToken: usedTokens.get(token),
    };
    usedTokens.delete(token);
    if (!movable.own) {
      conn.once('packet', () => claim(movable));
      // Before Socket.IO hears of it.
      conn.prependListener('close', () => {
        if (!movable.own) forget(movable);
      });
    }
    movables.set(conn, movable);
    followed++;
    conn.transport.socket?.on('pong', (payload) => {
      const text = payload.toString('latin1');
      if (text === goingPong) claim(movable);
      // The agent itself wants the session elsewhere; it has stopped the client already.
      if (movable.moving || text !== quietPong) return;
      movable.moving = true;
      const deadline = Date.now() + answerMs + quietMs;
      begin(async () => {
        if (await isWhole(movable, deadline)) await handOver(movable, await whenAnswered(movable, deadline), deadline);
        else movable.moving = false;
      });
    });
    conn.once('close', () => {
      movables.delete(conn);
      // What was taken on trial may still be with another one under the same token.
      const isShared = !movable.own && movable.usedToken === undefined;
      if (!movable.moved && !isShared) store.remove(keyOf(movable.token)).catch(() => {});
    });
    return movable;
  }

  /** The client goes on here: nobody else is to go on with the token that it came with. */
  function claim(movable: Movable): void {
    if (movable.own) return;
    movable.own = true;
    const { usedToken } = movable;
    movable.usedToken = undefined;
    if (usedToken !== undefined) store.remove(keyOf(usedToken)).catch(() => {});
  }

  /** The client went on elsewhere, or not at all: as if the session had never been here. */
  function forget({ sockets }: Movable): void {
    for (const { id } of sockets) sessions.get(id)?.end('never here');
  }

  const watch = (namespace: Namespace): void => {
    // Answers that a client gives to an earlier node must not be taken for answers to this one, which would count from 0 as well.
    (namespace as unknown as { _ids: number })._ids = randomInt(2 ** 31);
    namespace.use((socket, next) => {
      movables.get(socket.conn as unknown as EngineSocket)?.entering.add(socket);
      next();
    });
    namespace.on('connection', (socket) => {
      const movable = movables.get(socket.conn as unknown as EngineSocket);
      if (movable === undefined) return;
      movable.entering.delete(socket);
      movable.sockets.add(socket);
      // The first ping of this node is a whole interval away, as it was at the node before: a client that is moved often would hear none and give up.
      if (movable.resumed && movable.sockets.size === movable.expected) movable.conn.sendPacket('ping');
      socket.on('disconnect', () => movable.sockets.delete(socket));
    });
  };
  watch(io.of('/'));
  io.on('new_namespace', watch);

  // Engine.IO answers an upgrade at once; one that resumes has to be looked for first.
  const upgrades = http.listeners('upgrade') as ((request: IncomingMessage, socket: Duplex, head: Buffer) => void)[];
  const pass = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    for (const upgrade of upgrades) upgrade.call(http, request, socket, head);
  };
  http.removeAllListeners('upgrade');
  http.on('upgrade', (request, socket, head) => {
    const token = request.headers[resumeHeader];
    if (typeof token !== 'string') {
      pass(request, socket, head);
      return;
    }
    socket.on('error', () => {});
    // Whoever stops takes nothing over; another one can.
    if (draining) {
      refuse(socket, 'stopping');
      return;
    }
    arriving.add(socket);
    socket.once('close', () => arriving.delete(socket));
    takeSession(request, token).then(
      (record) => {
        if (record === undefined) refuse(socket, 'session_unknown');
        else {
          resumes.set(request, record);
          // An Engine.IO session of its own begins here, whatever the first one began with.
          request.url = withoutSid(request.url ?? '/');
          pass(request, socket, head);
        }
      },
      (error: unknown) => {
        log.warn({ err: error }, 'a session cannot be looked for');
        refuse(socket, 'not_durable');
      },
    );
  });

  async function takeSession(request: IncomingMessage, token: string): Promise<SessionRecord | undefined> {
    const { headers } = request;
    if (!enabled) return undefined;
    if (secrets.length > 0 && !isIdentitySigned(secrets, headers, Date.now())) return undefined;
    const identity = readIdentity(headers, {});
    if (!identity.ok) return undefined;
    // Only read: until the client is heard here the agent may have to ask another node, should this one end.
    const bytes = await store.read(keyOf(token));
    const record = bytes === undefined ? undefined : decodeSession(bytes);
    // A token is of use to its own user alone, even if it got into other hands; and trying it there does not use it up.
    if (bytes === undefined || record?.uid !== userOf(identity.value)) return undefined;
    const given = String(headers[resumeAfterHeader] ?? '').split(',');
    // Nobody knows what the client was given: it has to begin anew.
    if (!record.isExact && given.includes(incompleteMarks)) return undefined;
    // Should this node end before its first word of the session, the agent goes on with the next token.
    const next = newToken();
    if (await savedSoon(store.save(keyOf(next), bytes, keepMs))) {
      tokens.set(request, next);
      usedTokens.set(next, token);
      request.socket.once('close', () => usedTokens.delete(next));
      // What cannot be written now can be read: the session keeps the token that it came with.
    } else tokens.set(request, token);
    recovery.expect(
      record,
      given.flatMap((mark) => readMark(mark) ?? []),
    );
    return record;
  }

  /** The session on a connection as it is now. */
  function describe(
    movable: Movable,
    ended: ReadonlyMap<Session, SocketRecord> | undefined,
  ): SessionRecord | undefined {
    const records: SocketRecord[] = [];
    let uid: string | undefined;
    for (const socket of movable.sockets) {
      const session = sessions.get(socket.id);
      const record =
        session === undefined ? describePlain(socket) : (ended?.get(session) ?? session.describe(session.joined));
      uid ??= session?.user;
      records.push(record);
    }
    // A client may be in none of the namespaces in which we know it.
    const [socket] = movable.sockets;
    const identity = socket === undefined ? undefined : readIdentity(socket.handshake.headers, {});
    if (identity?.ok === true) uid ??= userOf(identity.value);
    if (uid === undefined) return undefined;
    return { engineId: movable.conn.id, uid, node, isExact: ended !== undefined, tail: [], sockets: records };
  }

  /** One save is under way and one may wait, which saves what there is by its time: so many changes at once cost two. */
  function save(movable: Movable): Promise<void> {
    if (movable.nextSave !== undefined) return movable.nextSave;
    if (movable.saving === undefined) return saveNow(movable);
    movable.nextSave = movable.saving.then(() => {
      movable.nextSave = undefined;
      return saveNow(movable);
    });
    return movable.nextSave;
  }

  function saveNow(movable: Movable): Promise<void> {
    movable.saving = writeDown(movable)
      .catch((error: unknown) => {
        log.debug({ err: error }, 'a session is not kept now: after a crash its client has to begin a new one');
      })
      .finally(() => {
        movable.saving = undefined;
      });
    return movable.saving;
  }

  async function writeDown(movable: Movable): Promise<void> {
    const record = movable.moved ? undefined : describe(movable, undefined);
    if (record !== undefined) await store.save(keyOf(movable.token), encodeSession(record), keepMs);
  }
  // What is kept for a crash has to outlive the session.
  const stopRefresh = refreshEach(
    () => movables.values(),
    keepMs / 2,
    () => movables.size,
    (movable) => void save(movable),
  );

  const saveAll = joinRuns(() => paced(movables.values(), save));

  function whyNot(conn: EngineSocket): CannotMove | undefined {
    if (conn.transport.name !== 'websocket') return 'polling';
    // What was compressed with what came before; agents do not move such a session.
    if (conn.transport.socket?.extensions) return 'compressed';
    return movables.has(conn) ? undefined : 'no agent';
  }

  const turns = new Turns(atOnce);

  /** Waiting is nobody's turn: for as long as handlers take to answer, other sessions go. */
  async function move(movable: Movable, deadline: number): Promise<void> {
    const websocket = movable.conn.transport.socket;
    if (movable.moving || websocket === undefined || whyNot(movable.conn) !== undefined) return;
    movable.moving = true;
    if (!(await isWhole(movable, deadline))) {
      movable.moving = false;
      return;
    }
    const answer = await turns.take('begins', async () =>
      Date.now() >= deadline ? 'too late' : (await quiet(websocket)) ? 'quiet' : 'silent',
    );
    if (answer !== 'quiet') {
      movable.moving = false;
      counts.failed[answer]++;
      return;
    }
    const ofThis = await whenAnswered(movable, deadline - spareMs);
    await turns.take('goes on', async () => {
      const taken = whenTaken(ofThis, deadline);
      if (await handOver(movable, ofThis, deadline)) await taken;
    });
  }

  /**
   * Resolves when a session goes on elsewhere, which it has not done yet when its stream ends here: whoever takes it over sets the pace, or sessions
   * would wait there, with their clients. Where nobody can take it over yet, and where time is short, sessions go all the same.
   */
  function whenTaken(ofThis: readonly Session[], deadline: number): Promise<void> {
    const [first] = ofThis;
    if (first === undefined) return Promise.resolve();
    const { id } = first.socket;
    const now = Date.now();
    if (underWay.size === 0) heardAt = now;
    // Half of the time that is left is for the work itself.
    const share = ((deadline - now) * atOnce) / movables.size / 2;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, Math.min(share, heardAt + takenMs - now)));
      underWay.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** One that has just come is to have all its sockets first, and all that came since it was elsewhere. */
  async function isWhole({ conn, sockets, expected }: Movable, deadline: number): Promise<boolean> {
    const ms = Math.max(0, Math.min(answerMs, deadline - Date.now()));
    await when(() => sockets.size >= expected || conn.readyState !== 'open', ms);
    let begun = false;
    void Promise.all([...sockets].map((socket) => sessions.get(socket.id)?.begun)).then(() => {
      begun = true;
    });
    await when(() => begun || conn.readyState !== 'open', Math.max(0, deadline - Date.now()));
    return sockets.size > 0 && conn.readyState === 'open';
  }

  /** Resolves when all is answered that the client has asked, which is stopped. */
  async function whenAnswered(movable: Movable, deadline: number): Promise<Session[]> {
    const until = (): number => Math.max(0, Math.min(answerMs, deadline - Date.now()));
    await when(() => ![...movable.entering].some(isEntering), until());
    const ofThis = [...movable.sockets].flatMap((socket) => sessions.get(socket.id) ?? []);
    const left = await Promise.all(ofThis.map((session) => session.answered(until())));
    counts.unanswered += left.reduce((sum, one) => sum + one, 0);
    return ofThis;
  }

  /** Writes a session down and ends its stream; nothing more comes from the client. @returns `false` where that has gone */
  async function handOver(movable: Movable, ofThis: readonly Session[], deadline: number): Promise<boolean> {
    const { conn } = movable;
    if (conn.readyState !== 'open') return false;
    movable.moved = true;
    await (movable.nextSave ?? movable.saving);
    const ended = new Map(ofThis.map((session) => [session, session.describe(session.end('moved'))]));
    const record = describe(movable, ended);
    try {
      if (record !== undefined) await store.save(keyOf(movable.token), encodeSession(record), keepMs);
      counts.handedOver++;
    } catch (error) {
      counts.failed['not kept']++;
      log.warn({ err: error }, 'a session could not be saved at its end: it goes on as it was saved before');
    }
    // Everything that was written is on its way before the end is; no close frame, so that the agent knows that it goes on elsewhere.
    await flushed(conn, deadline);
    conn.transport.socket?._socket?.end();
    return true;
  }

  /** Moves all sessions, and those that are about to come: they were accepted before the port was closed. */
  async function moveAll(deadline: number): Promise<void> {
    const begun = new Set<Movable>();
    for (;;) {
      const known = followed;
      for (const movable of movables.values()) {
        if (begun.has(movable)) continue;
        begun.add(movable);
        begin(() => move(movable, deadline));
      }
      const isMore = (): boolean => followed > known;
      await when(() => moving === 0 || isMore(), deadline - Date.now());
      if (moving === 0) await when(() => arriving.size === 0 || isMore(), Math.min(arriveMs, deadline - Date.now()));
      if (!isMore() || Date.now() >= deadline) break;
    }
    await when(() => moving === 0, spareMs);
    underWay.clear();
  }

  /** Moves a session, and counts it until that is done. */
  function begin(work: () => Promise<unknown>): void {
    moving++;
    work()
      .catch((error: unknown) => log.error({ err: error }, 'handing over a session failed'))
      .finally(() => moving--);
  }

  return {
    counts,
    async keep(session) {
      const movable = movables.get(session.socket.conn as unknown as EngineSocket);
      if (movable === undefined) return;
      movable.sockets.add(session.socket);
      await save(movable);
    },
    async drain(deadlineMs, { stays = false } = {}) {
      draining = !stays;
      const deadline = Date.now() + deadlineMs;
      for (const conn of Object.values(engine.clients)) {
        const why = whyNot(conn);
        if (why !== undefined) counts.failed[why]++;
      }
      const before = counts.failed['too late'];
      await moveAll(deadline);
      const late = counts.failed['too late'] - before;
      if (late > 0) log.warn({ sessions: late }, 'these were not handed over in time: pushServer.drainMs is too short');
    },
    saveAll: () => void saveAll(),
    taken(socket) {
      heardAt = Date.now();
      underWay.get(socket)?.();
      underWay.delete(socket);
    },
    close: stopRefresh,
  };
}

/** Whether a session is saved before its client has waited for long. */
async function savedSoon(save: Promise<void>): Promise<boolean> {
  const saved = save.then(
    () => true,
    () => false,
  );
  let late: NodeJS.Timeout | undefined;
  const waited = new Promise<false>((resolve) => {
    late = setTimeout(resolve, savedMs, false);
  });
  const isSaved = await Promise.race([saved, waited]);
  clearTimeout(late);
  return isSaved;
}

/** Asks the agent to stop the client; resolves when nothing more comes from it, `false` where the agent says nothing. */
function quiet(websocket: EngineWebSocket): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isQuiet: boolean): void => {
      clearTimeout(deadline);
      websocket.off('pong', onPong).off('close', onClose);
      resolve(isQuiet);
    };
    const onPong = (payload: Buffer): void => {
      if (payload.toString('latin1') === quietPong) end(true);
    };
    const onClose = (): void => end(false);
    const deadline = setTimeout(end, quietMs, false);
    websocket.on('pong', onPong).once('close', onClose);
    websocket.ping(drainPing, false, (error?: Error) => {
      if (error) end(false);
    });
  });
}

/** Resolves when it is so, or after `ms`. Nobody tells of these; they are looked at, and only in a stop. */
async function when(isSo: () => boolean, ms: number): Promise<void> {
  const deadline = Date.now() + ms;
  while (!isSo() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Whether it may still be admitted: Socket.IO takes from one that it refuses the means to join rooms. */
function isEntering(socket: Socket): boolean {
  return !socket.connected && !Object.hasOwn(socket, 'join');
}

/** The packet by which a client connects to a namespace. @throws where its auth cannot be written */
function connectPacket({ namespace, pid, auth }: SocketRecord): string {
  const place = namespace === '/' ? '' : `${namespace},`;
  return `0${place}${JSON.stringify({ ...auth, pid, offset: '' })}`;
}

function newToken(): string {
  return randomBytes(18).toString('base64url');
}

/** Resolves when Engine.IO has given all it had to the connection. */
async function flushed(conn: EngineSocket, deadline: number): Promise<void> {
  while (conn.writeBuffer.length > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  // What was written in this tick leaves at its end.
  await new Promise((resolve) => setImmediate(resolve));
}

/** The agent's mark at the end of a session's id, by which later requests of the session find back here (docs/protocol.md). */
function markOf({ headers }: IncomingMessage): string {
  const given = headers[stickyHeader];
  const mark = typeof given === 'string' ? readStickyMark(given) : undefined;
  return mark === undefined ? '' : `.${mark}`;
}

/** A socket of a namespace in which we keep nothing. */
function describePlain(socket: Socket): SocketRecord {
  return {
    namespace: socket.nsp.name,
    id: socket.id,
    pid: (socket as unknown as { pid: string }).pid,
    auth: socket.handshake.auth,
    rooms: [...socket.rooms].filter((room) => room !== socket.id),
    data: socket.data,
    positions: [],
    inboxAfter: 0,
    clientData: {},
    claims: undefined,
  };
}

function refuse(socket: Duplex, code: 'session_unknown' | 'not_durable' | 'stopping'): void {
  const { upgrade, message } = failures[code];
  const body = `${code}: ${message}\n`;
  socket.end(
    `HTTP/1.1 ${upgrade} ${code}\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-gopush-error: ${code}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function withoutSid(url: string): string {
  const mark = url.indexOf('?');
  if (mark === -1) return url;
  const kept = url
    .slice(mark + 1)
    .split('&')
    .filter((pair) => !pair.startsWith('sid='));
  return `${url.slice(0, mark)}?${kept.join('&')}`;
}

function keyOf(token: string): string {
  return `t:${token}`;
}
