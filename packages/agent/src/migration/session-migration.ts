import type { Socket } from 'node:net';
import { chosenPong, clientStoppedPong } from '@gopush/contract';
import type { SessionRequest } from '../request/session-request.ts';
import { reset, writeChunk } from '../target/shared-buffer-io.ts';
import type { PositionPlace } from '../tunnel/event-beginning.ts';
import { opcodes } from '../tunnel/frame-header.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { TunnelMigration } from '../tunnel/tunnel-migration.ts';
import { writeMaskedControl } from '../tunnel/write-frame.ts';
import { outcomeOfLoss } from './crash/session-cut-or-survives.ts';
import { HalfSentEvent } from './half-sent-event.ts';
import type { OpeningFrames } from './opening-frames.ts';
import type { EarlierSearch, MigrationCause, SessionWithoutTarget } from './session-without-target.ts';
import { TargetStream } from './target-stream.ts';

/** Events of a session's migration; the same object for all sessions. */
export interface SessionMigrationEvents {
  /** The target is gone, and the client waits for another one. */
  onTargetLost(migration: SessionMigration, cause: MigrationCause, searched?: EarlierSearch): void;
  /** The target is gone within a frame of which the client has got a part: the client is cut. */
  onFrameCut(migration: SessionMigration): void;
}

/** Options of {@link SessionMigration}. */
export interface SessionMigrationOptions {
  readonly token: string;
  readonly request: SessionRequest;
  /** Longest incomplete event of the client that is kept, in bytes. */
  readonly frameBytes: number;
  readonly events: SessionMigrationEvents;
}

/** A target that has taken a session. */
export interface Arrival {
  readonly socket: Socket;
  /** Bytes that came from it already. */
  readonly early: Buffer;
  /** The token of the session from now on. */
  readonly token: string;
  /** How many of its first data frames the client must not see; until they have come the client is held. */
  readonly skip: number;
}

/** How long a target may take to give a session after its client was stopped, in milliseconds. */
const giveMs = 15_000;

const stoppedFrame = writeMaskedControl(opcodes.pong, clientStoppedPong);
const chosenFrame = writeMaskedControl(opcodes.pong, chosenPong);

/**
 * The session of one tunnel, on its way from target to target.
 *
 * - `piping`: all is as without it.
 * - `giving`: the target has asked for the client to be stopped, and is expected to give the session and end.
 * - `held`: there is no target, and the client waits.
 * - `arriving`: the next target has taken the session; its opening frames are awaited.
 */
export class SessionMigration implements TunnelMigration {
  readonly tunnel: Tunnel;
  readonly request: SessionRequest;
  /** The session's name at the next target. */
  token: string;
  /**
   * Its name at the target before, with which this one took it: the session is stored under it until this one has stored it under its own
   * ({@link keepsTokenBefore}). With the positions that the client had then, if that target was handed the client itself.
   */
  #before: SessionWithoutTarget['before'];
  readonly halfSent: HalfSentEvent;
  readonly #events: SessionMigrationEvents;
  readonly #stream: TargetStream;
  #phase: 'piping' | 'giving' | 'held' | 'arriving' = 'piping';
  /** Since when it is `giving` or `arriving`, in time of `performance.now()`. */
  #since = 0;
  /** Connections to former targets, until the next one continues. */
  #former: Socket[] | undefined;
  #onContinued: (() => void) | undefined;
  /** Whether the client sent a pong that only agents may send. */
  #isForged = false;
  /** Whether it has already passed the agent's rate limit, and need not wait again when its target has given it. */
  isPaced = false;

  constructor(tunnel: Tunnel, { token, request, frameBytes, events }: SessionMigrationOptions) {
    this.tunnel = tunnel;
    this.token = flat(token);
    this.request = { ...request, headers: flat(request.headers) };
    this.halfSent = new HalfSentEvent(frameBytes);
    this.#stream = new TargetStream(tunnel);
    this.#events = events;
  }

  get isHeld(): boolean {
    return this.#phase === 'held';
  }

  /** The positions that the client was given, as the header for the next target has them. */
  get positions(): string {
    return this.#stream.positions.write();
  }

  get isClientStopped(): boolean {
    return this.halfSent.isStopped;
  }

  /** Whether the next target can be given all that it needs of the client. */
  get canReplay(): boolean {
    return this.halfSent.isComplete && this.tunnel.client.walker.fault === undefined;
  }

  /** No target knows the session by its token. @returns whether it may be known by the one before, which it has from now on */
  goBackToTokenBefore(): boolean {
    if (this.#before === undefined) return false;
    this.token = this.#before.token;
    this.#stream.positions.add(this.#before.positions);
    this.#before = undefined;
    return true;
  }

  fromClient(chunk: Buffer, length: number): boolean {
    const { tunnel, halfSent } = this;
    const { client } = tunnel;
    const boundary = client.walk(chunk, length);
    const wasStopped = halfSent.isStopped;
    if (this.#isForged && !wasStopped) {
      this.#refuseForged();
      return true;
    }
    const passed = halfSent.take(chunk, length, boundary, client.walker.wholeUntil);
    // Read before it was stopped: it waits.
    if (wasStopped) return false;
    const hasRoom = writeChunk(tunnel.target.socket, chunk, passed);
    if (!halfSent.isStopped) return hasRoom;
    client.socket.pause();
    this.#tellStopped();
    return false;
  }

  fromTarget(chunk: Buffer, length: number): boolean {
    // From a silent target that was given up.
    if (this.#phase === 'held') return false;
    const { opening } = this.#stream;
    return opening === undefined ? this.#stream.pass(chunk, length) : this.#skip(opening, chunk, length);
  }

  onClientControl(opcode: number, payload: Buffer): void {
    // With it a client could have its session given at any time.
    if (opcode === opcodes.pong && payload.toString('latin1') === clientStoppedPong) this.#isForged = true;
  }

  onTargetControl(opcode: number, payload: Buffer, end: number, size: number): void {
    if (this.#stream.onControl(opcode, payload, end, size)) this.#stopClient(performance.now());
  }

  onTargetData(chunk: Buffer, end: number, place: PositionPlace | undefined): void {
    this.#stream.onData(chunk, end, place);
  }

  migrate(now: number): boolean {
    if (this.#phase !== 'piping' || this.tunnel.isEnding) return false;
    this.isPaced = true;
    this.tunnel.contain(() => this.#stopClient(now));
    return true;
  }

  probe(): boolean {
    if (this.tunnel.isEnding || this.#phase === 'held') return false;
    return this.#stream.probe(this.halfSent.isStopped);
  }

  targetLost(): boolean {
    return this.#lose(false);
  }

  /**
   * The old connection ends only when another target continues. A target that is alive after all, and saw it end before, would take the
   * client for gone and forget the session.
   */
  failOver(): boolean {
    if (!this.#lose(true)) return false;
    this.tunnel.target.socket.pause();
    return true;
  }

  /**
   * Pipes to the next target.
   *
   * @param onContinued - called when the client continues there
   * @returns `false` if the tunnel is over: then the connection is destroyed
   */
  arrive({ socket, early, token, skip }: Arrival, onContinued: () => void): boolean {
    const { tunnel } = this;
    if (tunnel.isOver || this.#phase !== 'held') {
      socket.destroy();
      return false;
    }
    this.#before = { token: this.token, positions: this.#before?.positions ?? '' };
    this.token = flat(token);
    this.#former ??= [];
    this.#former.push(tunnel.target.socket);
    this.#stream.begin(skip);
    tunnel.attachTarget(socket);
    this.#phase = 'arriving';
    this.#since = performance.now();
    this.#onContinued = onContinued;
    if (skip === 0) this.#continue();
    tunnel.target.start(early.length === 0 ? [] : [early]);
    return true;
  }

  /** Begins without a target, after one that has served the client itself. */
  beginHeld({ unread, cause, positions, before, searched }: SessionWithoutTarget): void {
    const { tunnel, halfSent } = this;
    this.#phase = 'held';
    halfSent.stopNow();
    tunnel.detachTarget();
    this.#stream.positions.add(positions);
    this.#before = before;
    tunnel.client.start(unread.length === 0 ? [] : [unread]);
    tunnel.client.socket.pause();
    this.#events.onTargetLost(this, cause, searched);
  }

  /** The client is handed to the next target. @returns what that has to be given first, in order */
  release(): readonly Buffer[] {
    return this.halfSent.release(true);
  }

  sweep(now: number): void {
    if (this.tunnel.isEnding || now - this.#since < giveMs) return;
    // It asked for the client to be stopped, and did not give the session: it still has it.
    if (this.#phase === 'giving') this.#continue();
    // The target has taken the session, and its opening frames do not come.
    else if (this.#phase === 'arriving') this.tunnel.close(1012, 'not resumed', now);
  }

  end(): void {
    this.#endFormer();
  }

  /** The target may ask any number of times, and gets a response each time. */
  #stopClient(now: number): void {
    const { tunnel, halfSent } = this;
    if (tunnel.isEnding || this.#phase === 'held' || this.#phase === 'arriving') return;
    this.#phase = 'giving';
    this.#since = now;
    const { fault, atBoundary, atEvent } = tunnel.client.walker;
    const wasStopped = halfSent.isStopped;
    halfSent.stop(atBoundary && fault === undefined, atEvent && fault === undefined);
    if (!halfSent.isStopped) return;
    tunnel.client.socket.pause();
    // One that asks again without reading finds the first response to it.
    if (!wasStopped || tunnel.target.socket.writableLength === 0) this.#tellStopped();
  }

  #tellStopped(): void {
    const { socket } = this.tunnel.target;
    if (socket.writable) socket.write(stoppedFrame);
  }

  /** The target is gone. @returns whether the session survives it */
  #lose(isSilent: boolean): boolean {
    if (this.#phase === 'held') return true;
    const { tunnel, halfSent } = this;
    const { client, target } = tunnel;
    const outcome = outcomeOfLoss({
      isClosing: tunnel.closeCode !== undefined,
      isClientGone: client.socket.destroyed || client.socket.readableEnded,
      isWebSocket: target.walker.fault === undefined,
      isWhole: target.walker.atEventButControl,
    });
    if (outcome === 'cut') this.#events.onFrameCut(this);
    if (outcome !== 'survives') return false;
    const cause = !isSilent && halfSent.isStopping ? 'planned' : 'crash';
    this.#phase = 'held';
    halfSent.stopNow();
    client.socket.pause();
    tunnel.detachTarget();
    if (!isSilent) target.socket.destroy();
    this.#events.onTargetLost(this, cause);
    return true;
  }

  #skip(opening: OpeningFrames, chunk: Buffer, length: number): boolean {
    const rest = opening.take(chunk, length);
    if (rest === undefined) {
      if (opening.areTooLong) this.tunnel.close(1012, 'not resumed', performance.now());
      return true;
    }
    this.#continue();
    if (this.tunnel.isEnding) return true;
    return rest.length === 0 || this.#stream.pass(rest, rest.length);
  }

  /** The client continues: at the next target, or at the one that did not give its session. */
  #continue(): void {
    const isNew = this.#phase === 'arriving';
    const asksToStop = this.#stream.opening?.asksToStop === true;
    this.#phase = 'piping';
    this.#stream.endOpening();
    this.isPaced = false;
    this.#endFormer();
    if (this.#isForged) {
      this.#refuseForged();
      return;
    }
    const { client, target } = this.tunnel;
    // First of all, as it makes the target responsible for the session.
    if (isNew) target.socket.write(chosenFrame);
    for (const bytes of this.halfSent.release(isNew)) target.socket.write(bytes);
    client.socket.resume();
    this.#onContinued?.();
    this.#onContinued = undefined;
    // The target first has to get the event that the client had begun.
    if (asksToStop) this.#stopClient(performance.now());
  }

  /** Ends the connections to former targets, which may not know that the session is elsewhere. */
  #endFormer(): void {
    for (const socket of this.#former ?? []) if (!socket.destroyed) reset(socket);
    this.#former = undefined;
  }

  #refuseForged(): void {
    this.tunnel.close(1008, 'forged mark', performance.now());
  }
}

/**
 * The same text in one piece. One that was put together is kept as a tree of its parts, and a part of a text keeps the whole: for a client
 * of an agent these would be 2 kB.
 *
 * @param text - of bytes, as it stands in HTTP headers
 */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
