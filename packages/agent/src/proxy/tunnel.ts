import type { Socket } from 'node:net';
import type { TunnelInfo } from '../observe.ts';
import { carryTo, type Receiver, reset, writeChunk } from './carrier.ts';
import { type ControlReceiver, FrameWalker, opcodes } from './frames.ts';

/** Why a tunnel ended. */
export type TunnelCause =
  | 'client closed'
  | 'client reset'
  | 'target closed'
  | 'target reset'
  | 'idle'
  | 'too old'
  | 'drained'
  | 'cut';

/** Limits of a tunnel, in milliseconds; 0 is none. */
export interface TunnelLimits {
  /** Longest time in which nothing moves. */
  readonly idleMs: number;
  /** Longest life. */
  readonly maxAgeMs: number;
}

/** After how long without a byte the kernel asks whether the other side is still there, in milliseconds. */
const keepAliveMs = 60_000;

/** How long one side may stay open after the other has ended, in milliseconds. */
const lingerMs = 10_000;

/**
 * One upgraded stream being piped.
 *
 * Both sides always go down together: whoever ends its side gets what is still on the way from the other; whoever resets resets
 * the other. A class with shared listeners, since a gateway has thousands of these and each closure would be kept for each.
 */
export class Tunnel {
  readonly client: TunnelSide;
  readonly target: TunnelSide;
  readonly openedAt: number;
  readonly info: TunnelInfo;
  /** Set once, by whatever ended it first. */
  cause: TunnelCause | undefined;
  /** The code of the first close frame that was seen, and who sent it. */
  closeCode: number | undefined;
  #quietSince: number;
  #bytesSeen = 0;
  #endedAt: number | undefined;
  #open = 2;
  readonly #onClosed: (tunnel: Tunnel) => void;

  constructor(client: Socket, target: Socket, info: TunnelInfo, now: number, onClosed: (tunnel: Tunnel) => void) {
    this.info = info;
    this.openedAt = now;
    this.#quietSince = now;
    this.#onClosed = onClosed;
    this.client = new TunnelSide(this, client, 'client');
    this.target = new TunnelSide(this, target, 'target');
  }

  /** Starts piping, with what each side had sent before. */
  start(fromClient: readonly Buffer[], fromTarget: readonly Buffer[]): void {
    this.client.start(fromClient);
    this.target.start(fromTarget);
  }

  other(side: TunnelSide): TunnelSide {
    return side === this.client ? this.target : this.client;
  }

  /** Looks after the limits; called about once a second. */
  sweep(now: number, limits: TunnelLimits): void {
    const bytes = this.client.bytes + this.target.bytes;
    if (bytes !== this.#bytesSeen) {
      this.#bytesSeen = bytes;
      this.#quietSince = now;
    }
    if (this.#endedAt !== undefined && now - this.#endedAt >= lingerMs) this.destroy(this.cause ?? 'cut');
    else if (limits.idleMs > 0 && now - this.#quietSince >= limits.idleMs) this.close(1001, 'idle', now);
    else if (limits.maxAgeMs > 0 && now - this.openedAt >= limits.maxAgeMs) this.close(1012, 'too old', now);
  }

  /**
   * Says goodbye to the client with a close frame, at the next boundary between two frames, and ends both sides.
   *
   * @param code - close code (RFC 6455 section 7.4): 1012 is "service restart", 1001 "going away"
   */
  close(code: number, cause: TunnelCause, now: number): void {
    if (this.#endedAt !== undefined) return;
    this.cause ??= cause;
    this.closeCode ??= code;
    this.#endedAt = now;
    this.target.sayClose(code);
  }

  /** Cuts both sides at once. */
  destroy(cause: TunnelCause): void {
    this.cause ??= cause;
    this.client.socket.destroy();
    this.target.socket.destroy();
  }

  /** @internal */
  ended(side: TunnelSide, now: number): void {
    this.cause ??= `${side.name} closed`;
    this.#endedAt ??= now;
    this.other(side).socket.end();
  }

  /** @internal */
  failed(side: TunnelSide): void {
    this.cause ??= `${side.name} reset`;
    reset(this.other(side).socket);
  }

  /** @internal */
  closed(side: TunnelSide): void {
    const { socket } = this.other(side);
    // An orderly end was passed on; anything else must not leave the other side waiting.
    if (!side.socket.readableEnded && !socket.destroyed) {
      this.cause ??= `${side.name} closed`;
      socket.destroy();
    }
    if (--this.#open === 0) this.#onClosed(this);
  }
}

/** One side of a tunnel: what comes from it, on its way to the other. */
export class TunnelSide implements Receiver, ControlReceiver {
  readonly tunnel: Tunnel;
  readonly socket: Socket;
  readonly name: 'client' | 'target';
  /** Bytes that came from here. */
  bytes = 0;
  readonly #walker = new FrameWalker();
  /** The close code that the other side is to get as soon as the frame on its way is whole. */
  #closing: number | undefined;

  constructor(tunnel: Tunnel, socket: Socket, name: 'client' | 'target') {
    this.tunnel = tunnel;
    this.socket = socket;
    this.name = name;
    sides.set(socket, this);
    // Finds out about peers that went away without a word.
    socket.setKeepAlive(true, keepAliveMs);
    socket.on('drain', onDrain).on('end', onEnd).on('error', onError).on('close', onClose);
  }

  /** Messages that came from here. */
  get messages(): number {
    return this.#walker.messages;
  }

  start(early: readonly Buffer[]): void {
    let more = true;
    for (const chunk of early) more = this.onChunk(chunk, chunk.length) && more;
    carryTo(this.socket, this);
    // A client may end its side in mid-handshake; its end was said before anyone here listened.
    if (this.socket.readableEnded) this.tunnel.ended(this, Date.now());
    else if (!more) this.socket.pause();
  }

  onChunk(chunk: Buffer, length: number): boolean {
    this.bytes += length;
    const boundary = this.#walker.walk(chunk, length, this);
    const to = this.tunnel.other(this).socket;
    if (this.#closing === undefined) return writeChunk(to, chunk, length);
    if (boundary === 0) return writeChunk(to, chunk, length);
    writeChunk(to, chunk, boundary);
    this.#finish();
    return false;
  }

  onControl(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.close) this.tunnel.closeCode ??= payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
  }

  /** What comes from here ends, for the other side, with a close frame. */
  sayClose(code: number): void {
    this.#closing = code;
    // After something that is no WebSocket a frame would be noise.
    if (this.#walker.atBoundary || this.#walker.fault !== undefined) this.#finish();
  }

  #finish(): void {
    const to = this.tunnel.other(this).socket;
    if (this.#walker.fault === undefined) to.write(closeFrame(this.#closing ?? 1012));
    to.end();
    this.socket.end();
    this.socket.pause();
  }
}

/** Sides by socket, so that all sockets share four listeners. */
const sides = new WeakMap<Socket, TunnelSide>();

function onDrain(this: Socket): void {
  const side = sides.get(this);
  side?.tunnel.other(side).socket.resume();
}

function onEnd(this: Socket): void {
  const side = sides.get(this);
  side?.tunnel.ended(side, Date.now());
}

function onError(this: Socket): void {
  const side = sides.get(this);
  side?.tunnel.failed(side);
}

function onClose(this: Socket): void {
  const side = sides.get(this);
  side?.tunnel.closed(side);
}

/** An unmasked close frame, as a server sends it. */
function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, code >> 8, code & 0xff]);
}
