import { randomBytes } from 'node:crypto';
import type { Config } from '@gopush/contract';
import type { Lifetime } from '@gopush/service';
import type { Server, Socket } from 'socket.io';
import type { AddressOf } from '../access/client-address.ts';
import { createAttempts } from './attempts.ts';
import { createPasswordCheck } from './password-check.ts';

/** What the admin page needs. */
export interface AdminUiOptions {
  readonly io: Server;
  /** Who may use it. */
  readonly adminUi: NonNullable<Config['pushServer']['adminUi']>;
  /** Name of this push-server. */
  readonly node: string;
  readonly addressOf: AddressOf;
}

/** How many may stay signed in. */
const maxSessions = 100;

/**
 * Lets Socket.IO's admin page (https://admin.socket.io) look at a push-server. It is loaded only where it is wanted, as it wraps much of
 * Socket.IO; in the mode for production, which shows totals and not each event, and without means to change anything.
 *
 * @returns looks whether the program uses the same namespace, once it is set up; throws where it does
 */
export async function openAdminUi(
  { io, adminUi, node, addressOf }: AdminUiOptions,
  opened: Lifetime['opened'],
): Promise<() => void> {
  const { namespace } = adminUi;
  const { instrument } = await import('@socket.io/admin-ui');
  const admin = io.of(namespace);
  const signIn = createSignIn(adminUi, addressOf, opened);
  admin.use((socket, next) => {
    signIn(socket).then(
      (refusal) => next(refusal === undefined ? undefined : new Error(refusal)),
      () => next(new Error('invalid credentials')),
    );
  });
  // Its own check compares passwords in this thread, as many as anyone sends, and ends the process on one that is no text.
  instrument(io, { namespaceName: namespace, auth: false, mode: 'production', readonly: true, serverId: node });
  opened('admin page', () => {
    // Its timer cannot be ended; it has nothing left to speak to.
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
 * Lets in who knows the password, or has a session of one who did. Attempts are few, and cost this thread nothing.
 *
 * @returns why not; `undefined`: it may come in
 */
function createSignIn(
  { username, passwordHash }: AdminUiOptions['adminUi'],
  addressOf: AddressOf,
  opened: Lifetime['opened'],
): (socket: Socket) => Promise<string | undefined> {
  const password = createPasswordCheck(passwordHash);
  opened('check of passwords', password.close);
  const mayTry = createAttempts();
  const sessions = new Set<string>();
  return async (socket) => {
    const { auth, headers, address } = socket.handshake;
    if (typeof auth.sessionId === 'string' && sessions.has(auth.sessionId)) return undefined;
    if (typeof auth.password !== 'string') return 'invalid credentials';
    if (!mayTry(addressOf(headers, address))) return 'too many attempts';
    if (auth.username !== username) return 'invalid credentials';
    const matches = await password.matches(auth.password);
    if (matches === 'busy') return 'too many attempts';
    if (!matches) return 'invalid credentials';
    const session = randomBytes(18).toString('base64url');
    sessions.add(session);
    const [oldest] = sessions;
    if (sessions.size > maxSessions && oldest !== undefined) sessions.delete(oldest);
    // Only what follows the answer to its connect is heard by a client.
    setImmediate(() => socket.emit('session', session));
    return undefined;
  };
}
