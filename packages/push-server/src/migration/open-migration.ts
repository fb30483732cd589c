import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Identity } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { keepNamesakes } from '@gopush/slim-socket-io';
import type { SessionStore } from '@gopush/store';
import type { Server } from 'socket.io';
import type { IdentityCheck } from '../access/identity-check.ts';
import type { Recovery } from '../recovery/recovery.ts';
import type { ScopeOf } from '../rooms/names/product-scope.ts';
import { connectionsOf, connectionWith, hookEngine } from './client/engine-connection.ts';
import { randomizeAckIds } from './client/randomize-ack-ids.ts';
import { CrashCopies } from './follow/crash-copies.ts';
import { type DescribeContext, describeConnection } from './follow/describe-connection.ts';
import { FollowedConnections } from './follow/followed-connections.ts';
import { LostSessions } from './follow/lost-sessions.ts';
import type { SessionsOfNode } from './follow/migratable-session.ts';
import { createMigrationCounts } from './follow/migration-counts.ts';
import { GiveSessions } from './give/give-sessions.ts';
import { Migration, type MigrationParts } from './migration.ts';
import { Arrivals } from './take/arrivals.ts';
import { FirstPings } from './take/first-pings.ts';
import { interceptTakes } from './take/intercept-takes.ts';
import { NextCopies, readTakeRequest, type TakeContext, type TakenSession, takeSession } from './take/take-session.ts';

/** What migration needs. */
export interface MigrationOptions extends Omit<TakeContext, 'nextCopies'>, Omit<DescribeContext, 'userOf'> {
  readonly io: Server;
  readonly http: HttpServer;
  readonly store: SessionStore;
  readonly recovery: Pick<Recovery, 'expect'>;
  readonly sessions: SessionsOfNode;
  readonly scopeOf: ScopeOf;
  /** Whether Socket.IO's recovery is on, by which sockets continue. */
  readonly enabled: boolean;
  /** How long a session is kept after it was saved, in milliseconds. */
  readonly keepMs: number;
  /** How long handlers may take to ack the requests of a client, when its session is to migrate, in milliseconds. */
  readonly answerMs: number;
  /** How long a drain may last in all while sessions leave, in milliseconds. */
  readonly maxDrainMs: number;
  /** Longest time until a client that has come from another node gets a ping, in milliseconds. */
  readonly pingMs: number;
  readonly isBelieved: IdentityCheck;
  readonly log: Logger;
}

/**
 * Sets up the migration of sessions behind agents, which keep the connections of their clients: docs/protocol.md,
 * "Seamless restart".
 */
export function openMigration(options: MigrationOptions): Migration {
  const { io, http, scopeOf, log } = options;
  const userOf = ({ product, uid }: Identity): string => scopeOf(product) + uid;
  const parts = createParts(options, { ...options, userOf });
  const migration = new Migration(parts);
  const { arrivals } = parts;
  hookEngine(io, {
    idOf: (request, generate) => migration.idOf(request, generate),
    addHeaders: (headers, request) => arrivals.addHeaders(headers, request),
    opened: (conn) => migration.opened(conn),
  });
  keepNamesakes();
  randomizeAckIds(io);
  const phase = (): Migration['phase'] => migration.phase;
  const taking = { ...options, nextCopies: new NextCopies(options.store, options.keepMs) };
  interceptTakes({ http, arrivals, phase, take: (request, token) => take(request, token, taking, userOf), log });
  return migration;
}

function createParts(options: MigrationOptions, describing: DescribeContext): MigrationParts {
  const { io, store, sessions, enabled, keepMs, answerMs, maxDrainMs, pingMs, log } = options;
  const copies = new CrashCopies({
    store,
    keepMs,
    describe: (one) => describeConnection(one, describing),
    hasSession: (socket) => sessions.get(socket) !== undefined,
    log,
  });
  const lost = new LostSessions();
  const counts = createMigrationCounts();
  const followed = new FollowedConnections({ copies, lost, sessions, onStopped: (one) => give.stopped(one) });
  const arrivals = new Arrivals(enabled);
  const give: GiveSessions = new GiveSessions({
    store,
    sessions,
    followed,
    arrivals,
    describe: (one, ended) => describeConnection(one, describing, ended),
    copies,
    keepMs,
    answerMs,
    maxDrainMs,
    counts,
    log,
  });
  const firstPings = new FirstPings(pingMs, (conn) => followed.tryOut(conn));
  const connections = () => connectionsOf(io);
  const byId = (id: string) => connectionWith(io, id);
  return { arrivals, followed, copies, lost, give, counts, connections, connectionWith: byId, keepMs, firstPings, log };
}

async function take(
  request: IncomingMessage,
  token: string,
  options: MigrationOptions & TakeContext,
  userOf: DescribeContext['userOf'],
): Promise<TakenSession | undefined> {
  const { enabled, isBelieved, recovery } = options;
  const wanted = enabled ? readTakeRequest(request, token, { isBelieved, userOf }) : undefined;
  const taken = wanted && (await takeSession(wanted, options));
  if (taken !== undefined) recovery.expect(taken.record, taken.given);
  return taken;
}
