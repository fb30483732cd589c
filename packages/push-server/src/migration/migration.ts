import { randomBytes, randomInt } from 'node:crypto';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  canMigrateHeader,
  chosenPong,
  clientStoppedPong,
  failures,
  type Identity,
  incompletePositions,
  lastPositionsHeader,
  readIdentity,
  readPosition,
  readStickyMark,
  sessionTokenHeader,
  skipFramesHeader,
  stickyHeader,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { SessionStore } from '@gopush/store';
import type { Namespace, Server, Socket } from 'socket.io';
import type { IdentityCheck } from '../access/identity-check.ts';
import type { EmittedEvents } from '../emitted-events/emitted-events.ts';
import type { Recovery } from '../recovery/recovery.ts';
import type { ScopeOf } from '../rooms/names/product-scope.ts';
import type { LiveSessions } from '../session/live-sessions.ts';
import type { RecentChanges } from '../session/recent-changes.ts';
import type { Session } from '../session/session.ts';
import { createSessionPointers, keyOfToken } from '../stored-session/session-pointers.ts';
import {
  decodeSession,
  encodeSession,
  type SessionRecord,
  type SocketRecord,
} from '../stored-session/session-record.ts';
import { joinRuns } from '../tasks/join-runs.ts';
import { paced } from '../tasks/paced.ts';
import { refreshEach } from '../tasks/refresh-each.ts';
import { asClientKnows } from './connect-responses.ts';
import { type EngineSocket, FollowedConnection } from './followed-connection.ts';
import { createGive } from './give.ts';
import { clientOfConnection, type MigratingClient } from './migrating-client.ts';
import type { CannotMigrate, MigrationCounts } from './migration-counts.ts';

/** What moving sessions needs. */
export interface MigrationOptions {
  readonly io: Server;
  readonly http: HttpServer;
  readonly store: SessionStore;
  readonly recovery: Recovery;
  /** Name of this node on the bus. */
  readonly node: string;
  readonly sessions: LiveSessions;
  readonly changes: RecentChanges;
  readonly scopeOf: ScopeOf;
  /** What programs have sent. */
  readonly emittedEvents: EmittedEvents;
  /** How many deliveries this node has made. */
  readonly count: () => number;
  /** Whether Socket.IO's recovery is there, by which sockets go on. */
  readonly enabled: boolean;
  /** How long a session may be resumed after its node has written it down, in milliseconds. */
  readonly keepMs: number;
  /** How long a handler may take to answer what it has read, when its session is to move, in milliseconds. */
  readonly answerMs: number;
  readonly isBelieved: IdentityCheck;
  readonly log: Logger;
}

/** A request that Engine.IO has looked at. */
type EngineRequest = IncomingMessage & { readonly _query?: { readonly sid?: string; readonly EIO?: string } };

/** Moves live sessions to other nodes, behind agents that keep the connections of their clients. */
export interface Migration {
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
  /**
   * The connection of a session was lost: keeps it for its client, unless it goes on elsewhere.
   *
   * @returns whether it was still this node's
   */
  lost(session: Session, keep: () => Promise<void>): Promise<boolean>;
  /** A session that was handed over goes on. */
  taken(socket: string): void;
  readonly counts: MigrationCounts;
  close(): void;
}

/** What is known of a connection before it is there. */
interface Beginning {
  readonly token: string;
  readonly record: SessionRecord | undefined;
  readonly socket: Duplex;
}

/** How long a client that is taken over waits until its session is saved under its next token, in milliseconds. */
const savedMs = 300;

/** How long after the end of a connection its agent may ask for its session, in milliseconds: it holds clients for 10 s by default. */
const askedWithinMs = 15_000;

/** Sets up the migration of sessions: docs/protocol.md, "Seamless restart". */
export function createMigration(options: MigrationOptions): Migration {
  const { io, http, store, recovery, node, sessions, changes, scopeOf, emittedEvents, count } = options;
  const { enabled, keepMs, answerMs, isBelieved, log } = options;
  const userOf = ({ product, uid }: Identity): string => scopeOf(product) + uid;
  const engine = io.engine as unknown as {
    generateId(request: IncomingMessage): string | Promise<string>;
    on(event: string, listener: (...args: never[]) => void): void;
    readonly clients: Record<string, EngineSocket>;
  };
  const notStopped = { 'mid-event': 0, silent: 0 };
  const failed = {
    ...notStopped,
    'not admitted': 0,
    'too late': 0,
    'not kept': 0,
    polling: 0,
    compressed: 0,
    'no agent': 0,
  };
  const counts: MigrationCounts = { handedOver: 0, resumed: 0, failed, notStopped, unanswered: 0 };
  const movables = new Map<EngineSocket, FollowedConnection>();
  const pointers = createSessionPointers(store, keepMs);
  /** What is done for sessions that were lost with their connection. */
  const losing = new Map<FollowedConnection, readonly Promise<unknown>[]>();
  /** Sessions whose connections are over, and which agents may still ask for. */
  const removals = new Set<NodeJS.Timeout>();
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
  /** Whether this node stops, and whether it has nothing left to hand over. */
  let draining = false;
  let drained = false;
  const handOver = createGive({
    store,
    sessions,
    movables,
    followed: () => followed,
    arriving,
    describe,
    whyNot,
    keepMs,
    answerMs,
    counts,
    log,
  });

  const generateId = engine.generateId.bind(engine);
  engine.generateId = async (request) => {
    const record = resumes.get(request);
    const id = record?.engineId ?? (await generateId(request)) + markOf(request);
    // Until the connection is there, which has lost its request by then.
    const token = tokens.get(request);
    if (token !== undefined) beginnings.set(id, { token, record, socket: request.socket });
    return id;
  };

  engine.on('headers', (headers: Record<string, string>, request: EngineRequest) => {
    if (request.headers.upgrade === undefined || request.headers[canMigrateHeader] === undefined) return;
    // Clients of Socket.IO 2 enter the main namespace without asking, wherever they come.
    if (request._query?.EIO === '3') return;
    // Without recovery nothing is there to go on from.
    if (!enabled) return;
    const token = tokens.get(request) ?? newToken();
    headers[sessionTokenHeader] = token;
    const sid = request._query?.sid;
    if (sid === undefined) tokens.set(request, token);
    else tokensOfUpgrades.set(sid, token);
    // Engine.IO's opening, of which the client has had its own, and the `noop` before all else. What Socket.IO answers does not count.
    if (resumes.has(request)) headers[skipFramesHeader] = '2';
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
        void save(follow(conn, later));
      });
      conn.once('close', () => tokensOfUpgrades.delete(conn.id));
    }
    const record = beginning?.record;
    if (record === undefined) return;
    arriving.delete(beginning?.socket as Duplex);
    counts.resumed++;
    clientOf(conn).enterAgain(record);
  });

  function follow(conn: EngineSocket, token: string, record?: SessionRecord): FollowedConnection {
    const client = clientOf(conn);
    const movable = new FollowedConnection(conn, token, client, record?.uid, usedTokens.get(token));
    usedTokens.delete(token);
    client.onNamespaces = keepNamespaces;
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
      if (text === chosenPong) claim(movable);
      else if (text === clientStoppedPong) handOver.stopped(movable);
    });
    conn.once('close', () => {
      movables.delete(conn);
      movable.tellGone();
      // What was taken on trial may still be with another one under the same token.
      const isShared = !movable.own && movable.usedToken === undefined;
      if (movable.moved || isShared) return;
      // Not before it is kept for its client: this node may end in between.
      void Promise.allSettled(losing.get(movable) ?? []).then(() => {
        losing.delete(movable);
        removeLater(movable.key);
      });
    });
    return movable;
  }

  /**
   * Removes the copy of a session whose connection is over. If only the link to its agent was cut, the agent still holds the client, and another
   * node finds the session by its token, as after a crash of this one.
   */
  function removeLater(key: string): void {
    const timer = setTimeout(
      () => {
        removals.delete(timer);
        store.remove(key).catch(() => {});
      },
      Math.min(keepMs, askedWithinMs),
    );
    removals.add(timer.unref());
  }

  /** One function for all connections. */
  async function keepNamespaces({ conn }: MigratingClient): Promise<void> {
    const movable = movables.get(conn as unknown as EngineSocket);
    if (movable !== undefined) await savedSoon(save(movable));
  }

  /** The client goes on here: nobody else is to go on with the token that it came with. */
  function claim(movable: FollowedConnection): void {
    if (movable.own) return;
    movable.own = true;
    const { usedToken } = movable;
    movable.usedToken = undefined;
    void save(movable);
    if (usedToken !== undefined) store.remove(keyOfToken(usedToken)).catch(() => {});
  }

  /** The client went on elsewhere, or not at all: as if the session had never been here. */
  function forget(movable: FollowedConnection): void {
    movable.client.hasMigrated = true;
    for (const id of movable.sockets.keys()) sessions.get(id)?.end('never here');
  }

  const watch = (namespace: Namespace): void => {
    // Answers that a client gives to an earlier node must not be taken for answers to this one, which would count from 0 as well.
    (namespace as unknown as { _ids: number })._ids = randomInt(2 ** 31);
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
    const token = request.headers[sessionTokenHeader];
    // On a connection that was accepted before; nobody would end what came of it.
    if (drained) {
      refuse(
        socket.on('error', () => {}),
        'stopping',
      );
      return;
    }
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
        else if (drained) refuse(socket, 'stopping');
        else {
          resumes.set(request, record);
          // An Engine.IO session of its own begins here, whatever the first one began with.
          request.url = withoutSid(request.url ?? '/');
          pass(request, socket, head);
        }
      },
      (error: unknown) => {
        log.warn({ err: error }, 'a session cannot be looked up');
        refuse(socket, 'not_durable');
      },
    );
  });

  async function takeSession(request: IncomingMessage, token: string): Promise<SessionRecord | undefined> {
    const { headers } = request;
    if (!enabled) return undefined;
    if (!isBelieved(request)) return undefined;
    const identity = readIdentity(headers, {});
    if (!identity.ok) return undefined;
    // Only read: until the client is heard here the agent may have to ask another node, should this one end.
    const bytes = await store.read(keyOfToken(token));
    const kept = bytes === undefined ? undefined : decodeSession(bytes);
    if (bytes === undefined || kept === undefined || !isOf(kept, userOf(identity.value))) return undefined;
    const marks = String(headers[lastPositionsHeader] ?? '').split(',');
    const given = marks.flatMap((mark) => readPosition(mark) ?? []);
    // Nobody knows what the client was given: it has to begin anew.
    if (!kept.isExact && marks.includes(incompletePositions)) return undefined;
    const record = asClientKnows(kept, given);
    if (record === undefined) return undefined;
    // Should this node end before its first word of the session, the agent goes on with the next token.
    const next = newToken();
    if (await savedSoon(store.save(keyOfToken(next), bytes, keepMs))) {
      tokens.set(request, next);
      usedTokens.set(next, token);
      request.socket.once('close', () => usedTokens.delete(next));
      // What cannot be written now can be read: the session keeps the token that it came with.
    } else tokens.set(request, token);
    recovery.expect(record, given);
    return record;
  }

  /**
   * Whether a user may go on with a session. A token is of use to its own user alone, even if it got into other hands; and trying it there does
   * not use it up. Whom a program disconnected meanwhile begins anew, and the server hook is asked.
   */
  function isOf({ uid, at = 0 }: SessionRecord, user: string): boolean {
    return uid === user && !changes.since(user, at).ended;
  }

  /** The session on a connection as it is now. */
  function describe(
    movable: FollowedConnection,
    ended: ReadonlyMap<Session, SocketRecord> | undefined,
  ): SessionRecord | undefined {
    const { client, conn } = movable;
    const records: SocketRecord[] = [...client.returning];
    for (const socket of client.sockets.values()) {
      const session = sessions.get(socket.id);
      const record =
        session === undefined
          ? { ...describePlain(socket), emitted: emittedEvents.standing(socket) }
          : (ended?.get(session) ?? describeLive(session));
      movable.uid ??= session?.user;
      records.push({ ...record, answer: client.answerOf(socket) });
    }
    // A client may be in none of the namespaces in which we know it.
    const [socket] = client.sockets.values();
    const identity = socket === undefined ? undefined : readIdentity(socket.handshake.headers, {});
    if (identity?.ok === true) movable.uid ??= userOf(identity.value);
    const { uid } = movable;
    if (uid === undefined) return undefined;
    const isExact = ended !== undefined;
    const deliveries = isExact ? {} : { count: count() };
    const { opening, answers } = client;
    const engineId = conn.id;
    return {
      engineId,
      uid,
      node,
      at: Date.now(),
      isExact,
      tail: [],
      sockets: records,
      opening,
      answers,
      ...deliveries,
    };
  }

  /** One save is under way and one may wait, which saves what there is by its time: so many changes at once cost two. */
  function save(movable: FollowedConnection): Promise<void> {
    if (movable.nextSave !== undefined) return movable.nextSave;
    if (movable.saving === undefined) return saveNow(movable);
    movable.nextSave = movable.saving.then(() => {
      movable.nextSave = undefined;
      return saveNow(movable);
    });
    return movable.nextSave;
  }

  function saveNow(movable: FollowedConnection): Promise<void> {
    movable.saving = writeDown(movable)
      .catch((error: unknown) => {
        log.debug({ err: error }, 'a session cannot be stored now: after a crash its client has to start a new one');
      })
      .finally(() => {
        movable.saving = undefined;
      });
    return movable.saving;
  }

  async function writeDown(movable: FollowedConnection): Promise<void> {
    // After its end nothing of it is left to be described.
    const record = movable.moved || !movable.isOpen ? undefined : describe(movable, undefined);
    if (record === undefined) return;
    await store.save(movable.key, encodeSession(record), keepMs);
    if (!movable.own) return;
    for (const { id, pid } of record.sockets) {
      // In a namespace of the project nobody keeps what a client missed.
      if (movable.pointed.has(pid) || sessions.get(id) === undefined) continue;
      await pointers.set(pid, movable.token);
      movable.pointed.add(pid);
    }
  }

  /** Writes it down again before that expires, unless it goes on elsewhere, as after this node was away for long. */
  async function refresh(movable: FollowedConnection): Promise<void> {
    const [pid] = movable.pointed;
    if (pid !== undefined && !(await pointers.isOurs(pid, movable.token))) {
      forget(movable);
      movable.moved = true;
      movable.conn.close(true);
      return;
    }
    await saveAgain(movable);
  }

  /** With all that leads to it. */
  function saveAgain(movable: FollowedConnection): Promise<void> {
    for (const pid of [...movable.pointed]) movable.pointed.delete(pid);
    return save(movable);
  }
  // What is kept for a crash has to outlive the session.
  const stopRefresh = refreshEach(
    () => movables.values(),
    keepMs / 2,
    () => movables.size,
    (movable) => {
      refresh(movable).catch((error: unknown) => log.error({ err: error }, 'a session could not be stored again'));
    },
  );

  const saveAll = joinRuns(() => paced(movables.values(), saveAgain));

  function whyNot(conn: EngineSocket): CannotMigrate | undefined {
    if (conn.transport.name !== 'websocket') return 'polling';
    // What was compressed with what came before; agents do not move such a session.
    if (conn.transport.socket?.extensions) return 'compressed';
    return movables.has(conn) ? undefined : 'no agent';
  }

  return {
    counts,
    async keep(session) {
      const movable = movables.get(session.socket.conn as unknown as EngineSocket);
      if (movable === undefined) return;
      await save(movable);
    },
    async drain(deadlineMs, { stays = false } = {}) {
      draining = !stays;
      for (const conn of Object.values(engine.clients)) {
        const why = whyNot(conn);
        if (why !== undefined) counts.failed[why]++;
      }
      await handOver.drain(deadlineMs, stays);
      drained ||= !stays;
    },
    async lost(session, keep) {
      const movable = movables.get(session.socket.conn as unknown as EngineSocket);
      if (movable === undefined) {
        await keep();
        return true;
      }
      const keeping = pointers.isOurs(session.pid, movable.token).then(async (isOurs) => {
        if (isOurs) await keep();
        return isOurs;
      });
      losing.set(movable, [...(losing.get(movable) ?? []), keeping]);
      return keeping;
    },
    saveAll: () => void saveAll(),
    taken: handOver.taken,
    close() {
      stopRefresh();
      // What is left expires.
      for (const timer of removals) clearTimeout(timer);
      removals.clear();
    },
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

/** Every connection of the server has one. */
function clientOf(conn: EngineSocket): MigratingClient {
  return clientOfConnection(conn) as MigratingClient;
}

function newToken(): string {
  return randomBytes(18).toString('base64url');
}

/** The agent's mark at the end of a session's id, by which later requests of the session find back here (docs/protocol.md). */
function markOf({ headers }: IncomingMessage): string {
  const given = headers[stickyHeader];
  const mark = typeof given === 'string' ? readStickyMark(given) : undefined;
  return mark === undefined ? '' : `.${mark}`;
}

/** A session whose connection is there: should this node die, it surely stood where it began, and had of its inbox what it has acknowledged. */
function describeLive(session: Session): SocketRecord {
  return { ...session.describe(session.joined, session.inbox.acknowledged), reached: [...session.positions] };
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
  // One that sends more would otherwise lose the answer; one that does not end its side would stay.
  socket.resume();
  socket.end(
    `HTTP/1.1 ${upgrade} ${code}\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-gopush-error: ${code}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
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
