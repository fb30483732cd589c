import type { Config } from '@gopush/contract';
import type { Server } from 'socket.io';

/** Who may use the admin page. */
type AdminUi = NonNullable<Config['pushServer']['adminUi']>;

const namespace = '/admin';

/**
 * Lets Socket.IO's admin page (https://admin.socket.io) look at a push-server. It is loaded only where it is wanted, as it wraps much of
 * Socket.IO; in the mode for production, which shows totals and not each event, and without means to change anything.
 *
 * @param node - name of this push-server
 * @returns stops it
 */
export async function openAdminUi(io: Server, { username, passwordHash }: AdminUi, node: string): Promise<() => void> {
  const { instrument } = await import('@socket.io/admin-ui');
  const admin = io.of(namespace);
  // Its own check would fail with an unhandled rejection, which ends the process, on a password that is no text.
  admin.use(({ handshake: { auth } }, next) => {
    const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';
    const isWhole = typeof auth.sessionId === 'string' || typeof auth.password === 'string';
    const isSound = isWhole && [auth.sessionId, auth.username, auth.password].every(isText);
    next(isSound ? undefined : new Error('invalid credentials'));
  });
  // With a session that has ended it looks at the password after all.
  admin.use(({ handshake: { auth } }, next) => {
    auth.password ??= '';
    next();
  });
  instrument(io, {
    namespaceName: namespace,
    auth: { type: 'basic', username, password: passwordHash },
    mode: 'production',
    readonly: true,
    serverId: node,
  });
  return () => {
    // Its timer cannot be ended; it has nothing left to speak to.
    Object.assign(admin, { emit: () => true });
  };
}
