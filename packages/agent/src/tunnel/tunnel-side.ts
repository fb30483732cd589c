import type { Socket } from 'node:net';
import { carryTo, type Receiver, writeChunk } from '../target/shared-buffer-io.ts';
import type { PositionPlace } from './event-beginning.ts';
import { opcodes } from './frame-header.ts';
import { type FrameReceiver, FrameWalker } from './frame-walker.ts';
import type { TunnelMigration } from './tunnel-migration.ts';
import { writeCloseFrame } from './write-frame.ts';

/**
 * After how long without traffic the kernel probes the other end (TCP keep-alive), in milliseconds. Node has it probe ten times, a second apart, and
 * then fails the connection. Clients may be on a radio that sleeps; targets are on our own network.
 */
const keepAliveMs = { client: 60_000, target: 10_000 } as const;

/** The same for a client that has no tunnel yet, or is handed to its target. */
export const clientKeepAliveMs = keepAliveMs.client;

/** What a side needs of its tunnel. */
export interface SideOwner {
  readonly client: TunnelSide;
  readonly target: TunnelSide;
  readonly migration: TunnelMigration | undefined;
  /** Status code of the first close frame. */
  closeCode: number | undefined;
  other(side: TunnelSide): TunnelSide;
  /** Runs a step; an error that it throws ends this tunnel alone. */
  contain(step: () => void): void;
  /** A step threw. */
  fault(error: unknown): void;
  ended(side: TunnelSide, now: number): void;
  failed(side: TunnelSide): void;
  closed(side: TunnelSide): void;
}

/** One end of a tunnel: what comes from it goes to the other end. */
export class TunnelSide implements Receiver, FrameReceiver {
  readonly tunnel: SideOwner;
  readonly socket: Socket;
  readonly name: 'client' | 'target';
  readonly walker: FrameWalker;
  /** Bytes that came from here. */
  bytes = 0;
  /** Status code of the close frame that the other side gets as soon as the frame on its way is complete. */
  #closeCode: number | undefined;
  /** Whether further bytes from here are read and discarded. */
  #isDropped = false;

  constructor(tunnel: SideOwner, socket: Socket, name: 'client' | 'target') {
    this.tunnel = tunnel;
    this.socket = socket;
    this.name = name;
    this.walker = new FrameWalker(tunnel.migration !== undefined);
    (socket as SidedSocket)[ownSide] = this;
    socket.setKeepAlive(true, keepAliveMs[name]);
    socket.on('drain', onDrain).on('end', onEnd).on('error', onError).on('close', onClose);
  }

  /** Messages that came from here. */
  get messages(): number {
    return this.walker.messages;
  }

  /** Starts reading, after the bytes that were read before. */
  start(early: readonly Buffer[]): void {
    let more = true;
    for (const chunk of early) more = this.onChunk(chunk, chunk.length) && more;
    carryTo(this.socket, this);
    // Its `close` event is over.
    if (this.socket.closed) this.tunnel.closed(this);
    // So is its `end` event: a client may end its side during the handshake.
    else if (this.socket.readableEnded) this.tunnel.ended(this, performance.now());
    else if (!more) this.socket.pause();
  }

  onChunk(chunk: Buffer, length: number): boolean {
    this.bytes += length;
    if (this.#isDropped) return true;
    const { migration } = this.tunnel;
    if (migration === undefined) return this.pass(chunk, length, this.walk(chunk, length));
    return this.name === 'client' ? migration.fromClient(chunk, length) : migration.fromTarget(chunk, length);
  }

  /** Follows the frames of a chunk. @returns how many bytes are before its last boundary between two frames; 0 if it has none */
  walk(chunk: Buffer, length: number): number {
    return this.walker.walk(chunk, length, this);
  }

  /**
   * Passes a chunk on, up to the boundary where a close frame is due.
   *
   * @returns whether to continue reading
   */
  pass(chunk: Buffer, length: number, boundary: number): boolean {
    const to = this.tunnel.other(this).socket;
    if (this.#closeCode === undefined || boundary === 0) return writeChunk(to, chunk, length);
    writeChunk(to, chunk, boundary);
    this.#close(this.#closeCode);
    return true;
  }

  onControl(opcode: number, payload: Buffer, end: number, size: number): void {
    const { tunnel } = this;
    if (opcode === opcodes.close) tunnel.closeCode ??= payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    else if (this.name === 'client') tunnel.migration?.onClientControl(opcode, payload);
    else tunnel.migration?.onTargetControl(opcode, payload, end, size);
  }

  onDataEnd(chunk: Buffer, end: number, place: PositionPlace | undefined): void {
    if (this.name === 'target') this.tunnel.migration?.onTargetData(chunk, end, place);
  }

  onFault(error: unknown): void {
    this.tunnel.fault(error);
  }

  /** Ends what comes from here, for the other side, with a close frame at the next boundary between two frames. */
  closeAtBoundary(code: number): void {
    this.#closeCode = code;
    const { walker, tunnel } = this;
    // After something that is not WebSocket, or that ended within a frame, there will be no boundary.
    if (walker.atBoundary || walker.fault !== undefined || tunnel.migration?.isHeld === true) this.#close(code);
  }

  #close(code: number): void {
    const to = this.tunnel.other(this).socket;
    // To a peer that does not speak WebSocket a frame would be noise.
    if (this.walker.fault === undefined) to.write(writeCloseFrame(code));
    to.end();
    this.socket.end();
    this.drop();
  }

  /** Discards further bytes from here. They are still read: otherwise the end behind them would never be read. */
  drop(): void {
    this.#isDropped = true;
    this.socket.resume();
  }
}

/** The side that a socket belongs to, so that all sockets share four listeners; a map would take more memory. */
const ownSide = Symbol('side');
type SidedSocket = Socket & { [ownSide]?: TunnelSide };

function onDrain(this: SidedSocket): void {
  const side = this[ownSide];
  if (side === undefined) return;
  const { tunnel } = side;
  const other = tunnel.other(side);
  // Neither a stopped client is read because its target has room, nor a target that was given up because the client has.
  if (other.name === 'client' ? tunnel.migration?.isClientStopped : tunnel.migration?.isHeld) return;
  other.socket.resume();
}

function onEnd(this: SidedSocket): void {
  const side = this[ownSide];
  side?.tunnel.contain(() => side.tunnel.ended(side, performance.now()));
}

function onError(this: SidedSocket): void {
  const side = this[ownSide];
  side?.tunnel.contain(() => side.tunnel.failed(side));
}

function onClose(this: SidedSocket): void {
  const side = this[ownSide];
  side?.tunnel.contain(() => side.tunnel.closed(side));
}
