import { randomBytes } from 'node:crypto';
import type { Config } from '@gopush/contract';
import { Attempts, followLinks, type Lifetime } from '@gopush/service';
import type { Server, Socket } from 'socket.io';
import type { AddressOf } from '../access/client-address.ts';
import { createPasswordCheck } from './password-check.ts';

/** Options of the admin page. */
export interface AdminUiOptions {
  readonly io: Server;
  /** Its settings. */
  readonly adminUi: NonNullable<Config['pushServer']['adminUi']>;
  /** Name of this push-server. */
  readonly node: string;
  readonly addressOf: AddressOf;
}

/** Most sessions. */
const maxSessions = 100;

/**
 * Opens Socket.IO's admin page (https://admin.socket.io). Its library is loaded only if it is wanted, as it wraps much of Socket.IO; in production
 * mode, which shows totals instead of events, and read-only.
 *
 * @returns checks that the program does not use the same namespace, once the program is set up; throws a TypeError if it does
 */
export async function openAdminUi(
  { io, adminUi, node, addressOf }: AdminUiOptions,
  opened: Lifetime['opened'],
): Promise<() => void> {
  const { namespace } = adminUi;
  followLinks();
  const { instrument } = await import('@socket.io/admin-ui');
  const admin = io.of(namespace);
  const signIn = createSignIn(adminUi, addressOf, opened);
  admin.use((socket, next) => {
    signIn(socket).then(
      (refusal) => next(refusal === undefined ? undefined : new Error(refusal)),
      () => next(new Error('invalid credentials')),
    );
  });
  // Its own check compares any number of passwords in this thread, and ends the process on one that is no string.
  instrument(io, { namespaceName: namespace, auth: false, mode: 'production', readonly: true, serverId: node });
  opened('admin page', () => {
    // Its timer cannot be stopped, and must not emit any more.
    Object.assign(admin, { emit: () => true });
  });
  const listeners = admin.listenerCount('connection');
  return () => {
    if (admin.listenerCount('connection') === listeners) return;
    throw new TypeError(
      `pushServer.adminUi.namespace: handlers of this program also use the namespace ${namespace}; choose another`,
    );
  };
}

/**
 * Creates the sign-in: by password, or by a session of an earlier sign-in. Attempts are limited, and passwords are compared in another thread.
 *
 * @returns returns why a socket is refused; `undefined`: it is not
 */
function createSignIn(
  { username, passwordHash }: AdminUiOptions['adminUi'],
  addressOf: AddressOf,
  opened: Lifetime['opened'],
): (socket: Socket) => Promise<string | undefined> {
  const password = createPasswordCheck(passwordHash);
  opened('check of passwords', password.close);
  const attempts = new Attempts();
  const sessions = new Set<string>();
  return async (socket) => {
    const { auth, headers, address } = socket.handshake;
    if (typeof auth.sessionId === 'string' && sessions.has(auth.sessionId)) return undefined;
    if (typeof auth.password !== 'string') return 'invalid credentials';
    if (!attempts.take(addressOf(headers, address))) return 'too many attempts';
    if (auth.username !== username) return 'invalid credentials';
    const matches = await password.matches(auth.password);
    if (matches === 'busy') return 'too many attempts';
    if (!matches) return 'invalid credentials';
    const session = randomBytes(18).toString('base64url');
    sessions.add(session);
    const [oldest] = sessions;
    if (sessions.size > maxSessions && oldest !== undefined) sessions.delete(oldest);
    // A client receives only what follows the response to its CONNECT.
    setImmediate(() => socket.emit('session', session));
    return undefined;
  };
}
