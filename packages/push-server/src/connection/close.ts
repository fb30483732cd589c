import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io';
import { logFailure } from '../hook/log-failure.ts';
import type { Rules } from '../hook/rules.ts';
import { migratingClientOf } from '../migration/client/migrating-client.ts';
import type { LiveSessions } from '../session/live-sessions.ts';
import { type Session, sessionOf } from '../session/session.ts';

/** Options of {@link createCloseListeners}. */
export interface CloseContext {
  /** The decisions of the server hook. */
  readonly rules: Rules;
  /** The sessions of this node. */
  readonly live: LiveSessions;
  /** Stores a session whose connection was lost. Resolves with whether this node still had it: another one may have it by now. */
  readonly keepForRecovery: (session: Session) => Promise<boolean>;
  /** Waits for some work before the server hook is closed at a stop. */
  readonly keep: (work: Promise<void>) => void;
  readonly log: Logger;
}

/** Listeners to the end of a socket, the same functions for all sockets. */
export interface CloseListeners {
  disconnecting(this: Socket, reason: string): void;
  disconnect(this: Socket, reason: string): void;
}

/** The ends of a connection that neither side wanted, after which clients reconnect: the same as in Socket.IO. */
const recoverable: ReadonlySet<string> = new Set([
  'transport error',
  'transport close',
  'forced close',
  'ping timeout',
  'server shutting down',
  'forced server close',
]);

/**
 * Makes the listeners that end a session with its socket: it is stored for recovery if the client may come back,
 * then the server hook is called.
 */
export function createCloseListeners(context: CloseContext): CloseListeners {
  const { live, rules, keepForRecovery, keep } = context;
  /** Sessions whose connections were lost, with whether this node still had them. */
  const ours = new WeakMap<Session, Promise<boolean>>();
  return {
    disconnecting(reason) {
      const session = sessionOf(this);
      if (session?.hasMigrated !== false || !recoverable.has(reason)) return;
      // A client of Socket.IO 2 knows no connection state recovery.
      if (migratingClientOf(this).conn.protocol === 3) return;
      const isOurs = keepForRecovery(session);
      ours.set(session, isOurs);
      keep(isOurs.then(ignore, ignore));
    },
    disconnect(reason) {
      const session = sessionOf(this);
      if (session === undefined) return;
      live.remove(session);
      // Another node has it.
      if (session.hasMigrated) return;
      session.end('gone');
      if (rules.has('onDisconnect')) keep(tellHook(session, reason, ours.get(session), context));
    },
  };
}

/** Calls the server hook for a client that is gone, unless another node has its session: this node may have been suspended for long. */
async function tellHook(
  { client }: Session,
  reason: string,
  isOurs: Promise<boolean> | undefined,
  { rules, log }: CloseContext,
): Promise<void> {
  if ((await isOurs) === false) return;
  const result = await rules.disconnected(client, reason);
  if (!result.ok) logFailure(result.failure, log);
}

function ignore(): void {}
