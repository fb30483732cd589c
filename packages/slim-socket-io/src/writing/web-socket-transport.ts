import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Transport } from 'engine.io';
import { type Connection, queueOf } from './connection.ts';
import { type Account, Outlet, type OutletOwner } from './outlet.ts';

/** A request that Engine.IO has looked at. */
export type EngineRequest = IncomingMessage & { readonly _query: Record<string, string>; readonly websocket?: unknown };

/** A packet of Engine.IO. */
interface Packet {
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}

/** What is used here of a `ws` connection; what begins with an underscore is not documented. */
interface WebSocketLike {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  readonly _socket: Socket;
  readonly _receiver?: unknown;
  readonly _sender: Account & { _socket: unknown; sendFrame(frame: readonly Buffer[]): void };
  send(data: unknown): void;
  close(): void;
  on(event: string, listener: (this: WebSocketLike, ...args: never[]) => void): unknown;
  removeAllListeners(event: string): unknown;
  [transportOf]?: WebSocketTransport;
}

/** Where a WebSocket keeps its transport. */
const transportOf = Symbol('transport');

/** What a transport listens to of its WebSocket: the same functions for all. They are made where they may call what is protected. */
let listeners: Readonly<Record<string, (this: WebSocketLike, ...args: never[]) => void>>;

/**
 * How often a transport goes on in one tick. What sends again whenever it is told to go on is then told in the next turn of the loop: it
 * must not go on for ever on one stack.
 */
const maxTurns = 256;

/** How many pings and heartbeats one connection may send in a window of so many milliseconds: honest ones are a few. */
const controls = { most: 10_000, windowMs: 10_000 };

/**
 * Engine.IO's transport over WebSocket, as Engine.IO's own has it, but through an {@link Outlet}: what one tick has for a client leaves in
 * one write. Its listeners are the same functions for all clients, where Engine.IO makes a dozen for each.
 *
 * On the wire it is Engine.IO's protocol, by Engine.IO's parser.
 */
export class WebSocketTransport extends Transport implements OutletOwner {
  readonly socket: WebSocketLike;
  readonly outlet: Outlet;
  /** Engine.IO sets it; a connection that compresses has Engine.IO's own transport. */
  perMessageDeflate: unknown = null;
  /** Whose it is; unset while a client only tries it. */
  connection: Connection | undefined = undefined;
  /** Whether Engine.IO has yet to hear that its packets have gone. */
  #sending = false;
  /** Whether it goes on in the next turn of the loop. */
  #postponed = false;
  /** Pings and heartbeats of the client, and in which window they came. */
  #controls = 0;
  #window = 0;

  /** Whether a request can be served so: over a plain connection, and by a `ws` that is as we know it. */
  static takes({ websocket }: EngineRequest): boolean {
    const { _socket, _sender } = (websocket ?? {}) as Partial<WebSocketLike>;
    return (
      _socket instanceof Socket &&
      _sender?._socket === _socket &&
      typeof _sender._bufferedBytes === 'number' &&
      typeof _sender.sendFrame === 'function'
    );
  }

  /** @param request - one that can be served so */
  constructor(request: EngineRequest) {
    super(request);
    this.socket = request.websocket as WebSocketLike;
    const { _socket: socket, _sender: sender } = this.socket;
    this.outlet = new Outlet(socket, sender, this);
    // The seam: the sender's `_socket` is the one thing that `ws` writes to after its handshake.
    sender._socket = this.outlet;
    this.socket[transportOf] = this;
    // Engine.IO's own does nothing, and is for the time until now.
    this.socket.removeAllListeners('error');
    for (const [event, listener] of Object.entries(listeners)) this.socket.on(event, listener);
    this.writable = true;
  }

  override get name(): string {
    return 'websocket';
  }

  get handlesUpgrades(): boolean {
    return true;
  }

  override send(packets: readonly object[]): void {
    this.writable = false;
    this.#sending = true;
    const { socket } = this;
    if (socket.readyState !== socket.OPEN) {
      process.nextTick(() => this.onError('write error'));
      return;
    }
    for (const packet of packets as readonly Packet[]) {
      const frame = packet.options?.wsPreEncodedFrame;
      if (frame === undefined) socket.send(this.#encode(packet));
      else socket._sender.sendFrame(frame);
    }
    if (this.outlet.ready) this.#goOn();
  }

  override doClose(closed?: () => void): void {
    this.socket.close();
    closed?.();
  }

  onBehind(): void {
    this.writable = false;
    this.connection?.[queueOf]?.look();
  }

  onCaughtUp(): void {
    // Each write that waited tells that all has gone.
    if (!this.writable || this.#sending) this.#goOn();
    this.connection?.[queueOf]?.look();
  }

  #goOn(): void {
    if (++this.outlet.turns > maxTurns) {
      if (!this.#postponed) setImmediate(() => this.#goOnLater());
      this.#postponed = true;
      return;
    }
    if (this.#sending) {
      this.#sending = false;
      this.emit('drain');
    }
    this.writable = true;
    this.emit('ready');
  }

  #goOnLater(): void {
    this.#postponed = false;
    this.outlet.turns = 0;
    // What has fallen behind meanwhile goes on when it has caught up.
    if (this.outlet.ready) this.#goOn();
  }

  #countControl(): void {
    const window = Math.floor(performance.now() / controls.windowMs);
    if (window !== this.#window) this.#controls = 0;
    this.#window = window;
    if (++this.#controls !== controls.most) return;
    const { connection } = this;
    if (connection === undefined) this.socket.close();
    else if (connection.readyState === 'open') connection[queueOf]?.watch.onFlood(connection);
  }

  #encode(packet: Packet): unknown {
    // The parser answers at once.
    this.parser.encodePacket(packet as never, this.supportsBinary as never, keepEncoded as never);
    return encoded;
  }

  static {
    listeners = {
      message(data: Buffer, isBinary: boolean) {
        const transport = this[transportOf];
        if (transport === undefined) return;
        // A type and nothing else: of these clients send heartbeats only.
        if (data.length === 1) transport.#countControl();
        transport.onData((isBinary ? data : data.toString()) as never);
      },
      ping() {
        const transport = this[transportOf];
        if (transport !== undefined) transport.#countControl();
      },
      close() {
        this[transportOf]?.onClose();
      },
      error(error: Error) {
        this[transportOf]?.onError(error as never);
      },
    };
  }
}

let encoded: unknown;
const keepEncoded = (data: unknown): void => {
  encoded = data;
};
