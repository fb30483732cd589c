import type { IncomingHttpHeaders } from 'node:http';
import type { Server, Socket } from 'socket.io';
import type { Push } from '../rooms/publish/push.ts';

/** A connection of a client, as the server hook sees it. A user has one for each of its devices, or tabs. */
export interface ServerClient {
  /** Id of its socket: new for each connection. */
  readonly id: string;
  /** The user, as the agent's hooks named them. */
  readonly uid: string;
  readonly product: string;
  /** Its network address, as the nearest proxy that is believed saw it. */
  readonly address: string;
  /** What is known of the user from elsewhere, as from a token: `onConnect` sets it. @defaultValue absent */
  claims?: Readonly<Record<string, unknown>> | undefined;
  /** Place for whatever the hook wants to remember of this connection; on this push-server alone. @defaultValue `{}` */
  readonly data: Record<string, unknown>;
  /** Headers of the request with which it connected. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** Query parameters of that request; of a repeated one the first. */
  readonly query: Readonly<Record<string, string | undefined>>;
  /**
   * What the client gave as `auth` when it connected, as a token: https://socket.io/docs/v4/client-options/#auth. At most 16 KiB, never logged, and the
   * same after a session has migrated. Agents do not see it. @defaultValue `{}`
   */
  readonly auth: Readonly<Record<string, unknown>>;
}

/** A yes or a no. Nothing at all is a no. */
export type Verdict = boolean | null | undefined;

/** What `canPublish` has published instead of what the client sent. */
export interface Replacement {
  readonly message: unknown;
}

/** Undoes what `setup` did. */
export type Cleanup = () => void | Promise<void>;

/**
 * What a project decides on its push-servers. All functions are optional and may be async; each call has `hooks.timeoutMs`. One that
 * throws, takes longer or returns something else lets nothing through.
 */
export interface ServerHook {
  /** Whether a client may connect: `false`, or throwing, refuses it. Without it all may. */
  onConnect?(client: ServerClient): boolean | void | Promise<boolean | undefined> | Promise<void>;
  /**
   * The session of a client goes on at this push-server, in its rooms; the client has not noticed. `onConnect` is not asked for it, and
   * `onDisconnect` not told where it was before.
   */
  onMigrated?(client: ServerClient): void | Promise<void>;
  /**
   * A client that had connected is gone.
   *
   * @param reason - as Socket.IO names it: `transport close`, `ping timeout`, …
   */
  onDisconnect?(client: ServerClient, reason: string): void | Promise<void>;
  /** Whether a client may enter a room in which it is not yet. Without it all may enter all. */
  canJoin?(client: ServerClient, room: string): Verdict | Promise<Verdict>;
  /**
   * Whether a client may publish to a room that it is in, or may join: `true` or `false`, or `{ message }` to publish that instead. Without
   * it all may.
   *
   * @param data - the `message` of what it sent
   */
  canPublish?(
    client: ServerClient,
    room: string,
    event: string,
    data: unknown,
  ): Verdict | Replacement | Promise<Verdict | Replacement>;
  /**
   * A client sent an event that neither gopush nor a handler of `setup` knows. What this returns the client's ack gets. Without it a
   * client that asks for an answer gets `event_unknown`.
   *
   * @param data - the first argument of the event
   */
  onMessage?(client: ServerClient, event: string, data: unknown): unknown;
  /**
   * Adds handlers to Socket.IO: once at start, and again when the hook was edited. Before that the function that it returned is called,
   * which undoes what it did; without such a function `setup` is not run again until the push-server starts anew.
   *
   * @param clientOf - the client of a socket of the main namespace
   */
  setup?(
    io: Server,
    push: Push,
    clientOf: (socket: Socket) => ServerClient | undefined,
  ): Cleanup | void | Promise<Cleanup | undefined> | Promise<void>;
}

/**
 * A server hook: who may connect, enter, speak, and what else clients may ask for.
 *
 * @example
 * export default defineServer({
 *   canJoin: (client, room) => members.has(room, client.uid),
 *   onMessage: (client, event, data) => (event === 'time' ? Date.now() : undefined),
 * });
 */
export function defineServer(hook: ServerHook): ServerHook {
  return hook;
}
