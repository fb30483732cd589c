import type { IncomingHttpHeaders } from 'node:http';
import type { Server, Socket } from 'socket.io';
import type { Push } from '../rooms/publish/push.ts';

/** A client, as the server hook sees it. A user has one for each of its devices or tabs. */
export interface ServerClient {
  /** Id of its socket: a new one for each connection. */
  readonly id: string;
  /** The uid of its user, from the agent's hooks. */
  readonly uid: string;
  readonly product: string;
  /** Its network address, as the nearest trusted proxy saw it. */
  readonly address: string;
  /** Claims about the user, for example from a token. Set it in `onConnect`. @defaultValue absent */
  claims?: Readonly<Record<string, unknown>> | undefined;
  /** Data of the hook for this client. Other push-servers do not see it; it migrates with the session. @defaultValue `{}` */
  readonly data: Record<string, unknown>;
  /** Headers of the request that opened the connection. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** Query parameters of that request; the first of a repeated one. */
  readonly query: Readonly<Record<string, string | undefined>>;
  /**
   * The `auth` of the client, for example a token: https://socket.io/docs/v4/client-options/#auth. It has at most 16 KiB, is never logged, and stays
   * the same when the session migrates. Agents do not see it. @defaultValue `{}`
   */
  readonly auth: Readonly<Record<string, unknown>>;
}

/** `true` allows; any other value refuses. */
export type Verdict = boolean | null | undefined;

/** The message that is published instead of the client's. */
export interface Replacement {
  readonly message: unknown;
}

/** Undoes `setup`. */
export type Cleanup = () => void | Promise<void>;

/**
 * The server hook of a project: its decisions on push-servers. All functions are optional and may be async. A call that throws, takes longer than
 * `hooks.timeoutMs`, or returns an invalid value, refuses.
 */
export interface ServerHook {
  /** Whether a client may connect: `false` or an exception refuses it. Without this function all clients may connect. */
  onConnect?(client: ServerClient): boolean | void | Promise<boolean | undefined> | Promise<void>;
  /**
   * The session of a client has migrated, or failed over, to this push-server, with its rooms; the client has not noticed. `onConnect` is not called
   * for it here, and `onDisconnect` is not called at the previous push-server.
   */
  onMigrated?(client: ServerClient): void | Promise<void>;
  /**
   * A client has disconnected.
   *
   * @param reason - as Socket.IO names it: `transport close`, `ping timeout`, …
   */
  onDisconnect?(client: ServerClient, reason: string): void | Promise<void>;
  /** Whether a client may join a room that it is not in. Without this function all clients may join all rooms. */
  canJoin?(client: ServerClient, room: string): Verdict | Promise<Verdict>;
  /**
   * Whether a client may publish to a room: `true` or `false`, or `{ message }` to publish that instead. Without this function all members of the
   * room may publish.
   *
   * @param data - the `message` of the request
   */
  canPublish?(
    client: ServerClient,
    room: string,
    event: string,
    data: unknown,
  ): Verdict | Replacement | Promise<Verdict | Replacement>;
  /**
   * A client sent an event that neither gopush nor a handler of `setup` handles. The client's ack gets the return value of this function. Without
   * this function the ack gets `event_unknown`.
   *
   * @param data - the first argument of the event
   */
  onMessage?(client: ServerClient, event: string, data: unknown): unknown;
  /**
   * Adds handlers to Socket.IO: at start, and again after the hook was edited. Before it runs again, the function that it returned is called, to undo
   * it. If it returned no function, `setup` runs again only at the next start.
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
 * Defines a server hook: who may connect, join rooms and publish, and which other events are handled.
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
