import { Socket } from 'node:net';
import { Transport } from 'engine.io';
import type { EngineRequest, SenderInternals, WebSocketInternals } from '../internals/private-names.ts';
import { joinChunks } from '../reading/join-chunks.ts';
import { type Connection, queueOf } from './connection.ts';
import { addToUpgradeResponse } from './hold-upgrade-response.ts';
import { Outlet, type OutletOwner, type StreamNotes } from './outlet.ts';

/** A packet of Engine.IO. */
interface Packet {
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}

/** A WebSocket that knows its transport. */
interface OwnedWebSocket extends WebSocketInternals {
  [transportOf]?: WebSocketTransport;
}

/** Where a WebSocket keeps its transport. */
const transportOf = Symbol('transport');

/**
 * What a transport listens to on its WebSocket: the same functions for all transports, made inside the class so that
 * they may call its private methods.
 */
let listeners: readonly (readonly [event: string, listener: (this: OwnedWebSocket, ...args: never[]) => void])[];

/**
 * How often a transport reports in one tick that it has written everything. A program that emits again on each report is told in the next turn
 * of the event loop from then on, so that it neither fills the stack nor blocks the loop.
 */
const maxTurns = 256;

/** How many pings and heartbeats one connection may send in a window of `windowMs` milliseconds; ordinary clients send a few. */
const controls = { most: 10_000, windowMs: 10_000 };

/**
 * Engine.IO's transport over WebSocket, but writing through an {@link Outlet}: all that one tick emits to a client leaves in one write. Its
 * listeners are the same functions for all clients, where Engine.IO makes a dozen for each.
 *
 * The protocol on the wire is Engine.IO's own, encoded by Engine.IO's parser.
 */
export class WebSocketTransport extends Transport implements OutletOwner {
  readonly socket: OwnedWebSocket;
  readonly outlet: Outlet;
  /** Set by Engine.IO. A connection with compression has Engine.IO's own transport. */
  perMessageDeflate: unknown = null;
  /** The connection that it carries; not set while a client only probes it for an upgrade. */
  connection: Connection | undefined = undefined;
  /** Messages of the client. */
  received = 0;
  /** Messages to the client. */
  sent = 0;
  /** Whether Engine.IO waits for the report that its packets were written. */
  #sending = false;
  /** Whether the next report is postponed to the next turn of the event loop. */
  #postponed = false;
  /** How many pings and heartbeats the client has sent in the window. */
  #controls = 0;
  #window = 0;

  /** Whether this transport can serve a request: it came over a plain connection, and its `ws` has the private names that are used here. */
  static takes({ websocket }: EngineRequest): boolean {
    const { _socket, _sender } = (websocket ?? {}) as Partial<OwnedWebSocket> & {
      readonly _sender?: Partial<SenderInternals>;
    };
    return (
      _socket instanceof Socket &&
      _sender?._socket === _socket &&
      typeof _sender._bufferedBytes === 'number' &&
      typeof _sender.sendFrame === 'function'
    );
  }

  /**
   * @param request - one that {@link takes} accepts
   * @param notesFor - who is told how far the stream is written
   */
  constructor(request: EngineRequest, notesFor?: (webSocket: WebSocketInternals) => StreamNotes | undefined) {
    super(request as EngineRequest & { readonly _query: Record<string, string> });
    this.socket = request.websocket as OwnedWebSocket;
    const { _socket: socket, _sender: sender } = this.socket;
    this.outlet = new Outlet(socket, sender, this);
    addToUpgradeResponse(socket, this.outlet);
    this.outlet.notes = notesFor?.(this.socket);
    // The sender's `_socket` is the one thing that `ws` writes to after its handshake.
    sender._socket = this.outlet;
    joinChunks(this.socket);
    this.socket[transportOf] = this;
    // Engine.IO's own listener does nothing; it was needed until now.
    this.socket.removeAllListeners('error');
    for (const [event, listener] of listeners) this.socket.on(event, listener);
    this.writable = true;
  }

  override get name(): string {
    return 'websocket';
  }

  get handlesUpgrades(): boolean {
    return true;
  }

  /** Whether a frame may go straight to the outlet: nothing waits before it, and the WebSocket is open. */
  get keepsUp(): boolean {
    return this.writable && this.outlet.ready && this.socket.readyState === this.socket.OPEN;
  }

  override send(packets: readonly object[]): void {
    this.writable = false;
    this.#sending = true;
    const { socket } = this;
    if (socket.readyState !== socket.OPEN) {
      process.nextTick(() => this.onError('write error'));
      return;
    }
    this.sent += packets.length;
    for (const packet of packets as readonly Packet[]) {
      const frame = packet.options?.wsPreEncodedFrame;
      if (frame === undefined) socket.send(this.#encode(packet));
      else socket._sender.sendFrame(frame);
    }
    this.connection?.[queueOf]?.flushed();
    if (this.outlet.ready) this.#report();
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
    // Called after each write that waited.
    if (!this.writable || this.#sending) this.#report();
    this.connection?.[queueOf]?.look();
  }

  #report(): void {
    if (++this.outlet.turns > maxTurns) {
      if (!this.#postponed) setImmediate(() => this.#reportLater());
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

  #reportLater(): void {
    this.#postponed = false;
    this.outlet.turns = 0;
    // If the client has fallen behind meanwhile, the outlet calls again when it has caught up.
    if (this.outlet.ready) this.#report();
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
    // The parser calls back before it returns.
    this.parser.encodePacket(packet as never, this.supportsBinary as never, keepEncoded as never);
    return encoded;
  }

  static {
    const ofWebSocket: Readonly<Record<string, (this: OwnedWebSocket, ...args: never[]) => void>> = {
      message(data: Buffer, isBinary: boolean) {
        const transport = this[transportOf];
        if (transport === undefined) return;
        transport.received++;
        // A part of what was read last, which it would keep as a whole until the next message.
        if (this._receiver !== undefined) this._receiver._mask = undefined;
        // A packet without content: the only such packets of a client are heartbeats.
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
    listeners = Object.entries(ofWebSocket);
  }
}

let encoded: unknown;
const keepEncoded = (data: unknown): void => {
  encoded = data;
};
