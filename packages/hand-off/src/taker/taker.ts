import type { TakenConnection } from './taken-connection.ts';

/** Options of the taking side. */
export interface TakerOptions {
  /** Folder in which givers find this taker. It has to belong to this user, with no rights for others; it is made if it is missing. */
  readonly dir: string;
  /** TCP port of the server whose connections it takes. Several processes may share it. */
  readonly port: number;
  /** Address at which that server listens: givers offer clients only to servers that a connection would reach. @defaultValue not known: any */
  readonly address?: string;
  /** Name of this process, for the logs of givers. */
  readonly name: string;
  /** Most connections that it serves at a time; more are refused as `full`. @defaultValue 65,536 */
  readonly maxConnections?: number;
  /** How long a giver may be silent before its connections get another, in milliseconds; whole seconds count. @defaultValue 10,000 */
  readonly silentMs?: number;
  /** Whether the program notes where messages end ({@link TakenConnection.wrote}). @defaultValue `false` */
  readonly notes?: boolean;
  /**
   * Whether givers may kill this process after it has been silent for long, as when it is stopped or blocked ({@link HandedOver.killTaker}). Only so
   * can another taker continue its connections: this one could still write to them. Asked once a second. @defaultValue never
   */
  mayBeKilled?(): boolean;
  /**
   * A connection is offered. A program that reads the head of its request itself need not have an HTTP server parse it.
   *
   * @returns what the socket has to read as its head, after which `onConnection` follows, as without this handler; `undefined`: the program has
   * read it
   */
  onRequest?(connection: TakenConnection, head: Buffer): Buffer | undefined;
  /** A connection is offered: it goes to `httpServer.emit('connection', connection.socket)`. */
  onConnection(connection: TakenConnection): void;
  /**
   * A giver asks to end a connection, as when it was idle for too long. The program writes its close frame, and ends the socket.
   *
   * @param code - WebSocket close code
   */
  onCloseRequest(connection: TakenConnection, code: number, cause: string): void;
  /**
   * A giver wants the session of a connection to go to another taker. The program puts it down as for a planned stop, and calls
   * {@link TakenConnection.leave}. @defaultValue sessions stay
   */
  onLeaveRequest?(connection: TakenConnection): void;
  /** The channel to a giver has opened, or is gone. For the log. */
  onGiver(name: string, state: 'open' | 'gone', reason: string | undefined): void;
  /** A handler threw, or something failed that should not. */
  onFault(error: unknown): void;
}

/** The taking side of a process for one port. */
export interface Taker {
  /** How many connections it serves. */
  readonly size: number;
  /** How many of these have no other owner than this process. */
  readonly alone: number;
  /**
   * Messages each way of all connections that it has served, as their programs counted them ({@link
   * TakenConnection.ending}). Goes through those that are open.
   */
  messages(): number;
  /** Takes nothing more: givers are told, and offers that are open are refused unless they were responded to. Connections stay. */
  stop(): void;
  /** Stops, closes the channels and removes its files. Connections that are left stay with this process alone. */
  close(): Promise<void>;
}
