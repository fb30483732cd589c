import type { Server as HttpServer } from 'node:http';
import { url as debuggerUrl } from 'node:inspector';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { resolve } from 'node:path';
import { canMigrateHeader, type KeysOf, kindOf, refuseUnknownKeys } from '@gopush/contract';
import type { TakenConnection, Taker } from '@gopush/hand-off';
import { checkLogger, defaultLogger, followLinks, type Logger } from '@gopush/service';
import { emitUpgrade } from './emit-upgrade.ts';
import { endOnRequest } from './end-on-request.ts';
import { isFull, joinServer } from './joined-connection.ts';
import { reportWhoEnded } from './socket-ending.ts';

/** Options of {@link acceptHandOffs}. */
export interface AcceptHandOffsOptions {
  /**
   * Folder in which agents and servers of this machine find each other: `handOff.dir` of the agents. It has to belong to the user of this
   * process, and no other user may have access. Relative to the current folder. @defaultValue `gopush-<user id>` in the folder for temporary
   * files
   */
  readonly dir?: string;
  /** Name of this process, in the logs of agents. @defaultValue `server of port <port>` */
  readonly name?: string;
  /** @defaultValue writes warnings and errors to standard error */
  readonly logger?: Logger;
}

const optionKeys: KeysOf<AcceptHandOffsOptions> = { dir: true, name: true, logger: true };

/** The hand-offs of a server: whether agents can hand connections over to it. */
export interface HandOffs {
  /**
   * `waiting`: the server does not listen; `open`: agents can hand connections over; `unavailable`: they cannot, because of {@link
   * HandOffs.whyNot}, and use the port.
   */
  readonly state: 'waiting' | 'open' | 'unavailable';
  /** Why agents cannot hand connections over, in one line. */
  readonly whyNot: string | undefined;
  /** Open connections that were handed over. */
  readonly size: number;
  /** How many of these no agent holds: they end with this process. */
  readonly alone: number;
  /** Resolves when the state is not `waiting`. @returns {@link HandOffs.whyNot} */
  settled(): Promise<string | undefined>;
  /** Stops taking connections. Open ones stay. */
  stop(): void;
  /** Ends hand-offs permanently: the server accepts connections only at its port, also when it listens again. */
  close(): Promise<void>;
}

/**
 * Lets the agents of this machine hand the connections of their clients over to a server, instead of copying bytes between them. After the upgrade to
 * a WebSocket, client and server communicate directly, and agents can restart. Other requests, and clients that cannot be handed over, still arrive
 * at the port.
 *
 * Hand-offs begin when the server listens, and end when it has closed. The server treats a connection that was handed over like one that an agent has
 * opened to its port. It calls its listeners to `connection`, then emits `upgrade` with a `net.Socket`. Its timeouts apply. The address of the peer
 * is that of an agent on this machine; `X-Forwarded-For` has the client's. `getConnections`, `maxConnections` and `close` count the connection, and
 * `closeAllConnections` leaves it open once it is upgraded, as with any WebSocket.
 *
 * Hand-offs need Linux and the optional package `koffi`. Without them this function does nothing; {@link HandOffs.whyNot} says why.
 *
 * @param server - an HTTP server; not HTTPS, because agents cannot encrypt for it
 * @throws TypeError for an unknown option, and for anything but a server
 */
export function acceptHandOffs(server: HttpServer, options: AcceptHandOffsOptions = {}): HandOffs {
  // In JavaScript it may be an app of Express, or a Socket.IO server, which would never listen.
  if (!(server instanceof NetServer))
    throw new TypeError(`acceptHandOffs: found ${kindOf(server)}, wanted an HTTP server (http.createServer)`);
  refuseUnknownKeys('acceptHandOffs', options, optionKeys);
  return new ServerHandOffs(server, options);
}

/** What differs for a push-server. */
export interface TakingOptions extends AcceptHandOffsOptions {
  /** Whether the server notes where messages end, so that its sessions fail over after a crash. @defaultValue false */
  readonly notes?: boolean;
}

/** The hand-offs of one server. */
export class ServerHandOffs implements HandOffs {
  readonly #server: HttpServer;
  readonly #options: TakingOptions;
  readonly #log: Logger;
  #taker: Taker | undefined = undefined;
  /** Opens or closes the taker, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #waiting: (() => void)[] = [];
  /** An agent wants the session of a connection elsewhere. */
  onLeaveRequest: (connection: TakenConnection) => void = stays;
  state: HandOffs['state'] = 'waiting';
  whyNot: string | undefined = undefined;

  constructor(server: HttpServer, options: TakingOptions) {
    this.#server = server;
    this.#options = options;
    this.#log = checkLogger('acceptHandOffs', options.logger ?? defaultLogger('hand-off'));
    server.on('listening', this.#onListening).on('close', this.#onClose);
    // Before it is needed: agents come as soon as the server listens.
    loadHandOff().catch(ignore);
    if (server.listening) this.#onListening();
  }

  get size(): number {
    return this.#taker?.size ?? 0;
  }

  get alone(): number {
    return this.#taker?.alone ?? 0;
  }

  /** Messages each way of all connections that were handed over. */
  messages(): number {
    return this.#taker?.messages() ?? 0;
  }

  async settled(): Promise<string | undefined> {
    if (this.state === 'waiting') await new Promise<void>((settle) => this.#waiting.push(settle));
    return this.whyNot;
  }

  stop(): void {
    this.#taker?.stop();
  }

  close(): Promise<void> {
    this.#server.off('listening', this.#onListening).off('close', this.#onClose);
    this.#onClose();
    return this.#work;
  }

  readonly #onListening = (): void => {
    this.#next(() => this.#open());
  };

  readonly #onClose = (): void => {
    this.#next(() => this.#end());
  };

  #next(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      this.#log.error({ err: error }, 'hand-offs failed');
    });
  }

  async #open(): Promise<void> {
    const address = this.#server.address();
    // It has closed meanwhile.
    if (address === null) return;
    const whyNot = whyNeverFor(this.#server, address) ?? (await loadHandOff());
    if (whyNot !== undefined) this.#settle('unavailable', whyNot);
    else await this.#openTaker(address as AddressInfo);
  }

  async #openTaker(address: AddressInfo): Promise<void> {
    const { dir, name = `server of port ${address.port}`, notes = false } = this.#options;
    const { defaultFolder, openTaker } = await import('@gopush/hand-off');
    try {
      this.#taker = await openTaker({
        dir: dir === undefined ? defaultFolder() : resolve(dir),
        port: address.port,
        address: address.address,
        name,
        notes,
        // Others can then continue its sessions. A process that is being debugged stands still on purpose.
        mayBeKilled: () => notes && debuggerUrl() === undefined,
        onRequest: (connection, head) => this.#take(connection, address, head),
        onConnection: ({ socket }) => void this.#server.emit('connection', socket),
        onCloseRequest: endOnRequest,
        onLeaveRequest: (connection) => this.onLeaveRequest(connection),
        onGiver: (giver, state, reason) =>
          this.#log.debug({ agent: giver, state, reason }, 'hand-off channel of an agent'),
        onFault: (error) => this.#log.error({ err: error }, 'a connection that was handed over failed'),
      });
      this.#settle('open', undefined);
    } catch (error) {
      this.#settle('unavailable', (error as Error).message);
    }
  }

  #settle(state: 'open' | 'unavailable', whyNot: string | undefined): void {
    this.state = state;
    this.whyNot = whyNot;
    if (state === 'open') this.#log.info('agents of this machine hand connections over');
    else this.#log.info({ reason: whyNot }, 'no connections are handed over: agents use tunnels');
    for (const settle of this.#waiting.splice(0)) settle();
  }

  async #end(): Promise<void> {
    const taker = this.#taker;
    this.#taker = undefined;
    this.state = 'waiting';
    this.whyNot = undefined;
    await taker?.close();
  }

  /** @returns the head that the server has to parse, if any */
  #take(connection: TakenConnection, address: AddressInfo, head: Buffer): Buffer | undefined {
    const server = this.#server;
    const { socket } = connection;
    if (!server.listening) this.#taker?.stop();
    if (!this.#mayTake(connection)) {
      socket.destroy();
      return undefined;
    }
    joinServer(connection, server, address);
    if (this.#options.notes === true) return emitUpgrade(server, socket, head) ? undefined : head;
    reportWhoEnded(connection);
    const own = withoutCanMigrate(head);
    return emitUpgrade(server, socket, own) ? undefined : own;
  }

  #mayTake({ kind }: TakenConnection): boolean {
    const server = this.#server;
    // Without a listener to upgrades, Node would take what the client sends for further requests, of an agent.
    if (!server.listening || isFull(server) || server.listenerCount('upgrade') === 0) return false;
    return kind === 'upgrade' || this.#options.notes === true;
  }
}

/** Loads what taking connections needs, late: hook files load this file as well, by way of `gopush`. @returns why they cannot be taken here */
async function loadHandOff(): Promise<string | undefined> {
  followLinks();
  const { whyUnavailable } = await import('@gopush/hand-off');
  return whyUnavailable();
}

function ignore(): void {}

const canMigrateLine = new RegExp(`\\r\\n${canMigrateHeader}:[^\\r\\n]*`, 'i');

/**
 * The head of a request without the mark of a client whose session can migrate: the marks by which agents and targets arrange that
 * (docs/protocol.md, "Your own backend") would go to a client that was handed over, and come from it.
 */
function withoutCanMigrate(head: Buffer): Buffer {
  const text = head.toString('latin1');
  const without = text.replace(canMigrateLine, '');
  return without.length === text.length ? head : Buffer.from(without, 'latin1');
}

/** A session that is bound to its server. */
function stays(): void {}

/** Why a server can never take connections; `undefined`: it can. */
function whyNeverFor(server: HttpServer, address: string | AddressInfo): string | undefined {
  if ('setSecureContext' in server) return 'the server uses TLS';
  return typeof address === 'string' ? 'the server listens on a Unix socket' : undefined;
}
