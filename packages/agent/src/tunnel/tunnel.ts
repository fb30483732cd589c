import type { Socket } from 'node:net';
import { alivePing, chosenPong, clientStoppedPong, stopClientPing } from '@gopush/contract';
import type { ResumeMarks } from '../migration/given-positions.ts';
import type { TunnelInfo } from '../observe/observer.ts';
import { carryTo, type Receiver, reset, writeChunk } from '../target/carrier.ts';
import { type ControlReceiver, FrameWalker, frameSize, type MarkPlace, opcodes } from './frame-walker.ts';

/** Why a tunnel ended. */
export type TunnelCause =
  | 'client closed'
  | 'client reset'
  | 'target closed'
  | 'target reset'
  | 'idle'
  | 'too old'
  | 'drained'
  | 'not resumed'
  | 'forged mark'
  | 'target silent'
  | 'fault'
  | 'cut';

/** Limits of a tunnel, in milliseconds; 0 is none. */
export interface TunnelLimits {
  /** Longest time in which nothing moves. */
  readonly idleMs: number;
  /** Longest life. */
  readonly maxAgeMs: number;
}

/**
 * After how long without a byte the kernel asks whether the other side is still there, in milliseconds. Node has it ask ten times, a second
 * apart, and then fails the connection. A client may be on a radio that sleeps; a target is on a network of ours.
 */
const keepAliveMs = { client: 60_000, target: 10_000 } as const;

/** How long one side may stay open after the other has ended, in milliseconds. */
const lingerMs = 10_000;

/** What a tunnel needs so that its session can go on at another target. */
export interface Resumable {
  /** Names the session to the next target. */
  token: string;
  readonly marks: ResumeMarks;
  /** Largest frame of a client that is kept until it is whole, in bytes. */
  readonly frameBytes: number;
  /**
   * The target is gone, and the client waits.
   *
   * @param cause - `planned`: the target has handed the session over; `crash`: it is gone without a word
   */
  onLost(tunnel: Tunnel, cause: 'planned' | 'crash'): void;
  /** The target is gone within a frame of which the client has a part already: its session cannot go on, and the client is cut. */
  onCut(tunnel: Tunnel): void;
}

/** What is told of tunnels. */
export interface TunnelEvents {
  onClosed(tunnel: Tunnel): void;
  /** A step of it threw: a fault of the program, which ends this tunnel alone. */
  onFault(tunnel: Tunnel, error: unknown): void;
}

/** How long a target may take to hand a session over after its client was stopped, in milliseconds. */
const handOverMs = 15_000;

/**
 * One upgraded stream being piped.
 *
 * Both sides always go down together: whoever ends its side gets what is still on the way from the other; whoever resets resets
 * the other. Only where the target can resume sessions its end is not the client's: the client is held until another target goes on.
 * A class with shared listeners, since a gateway has thousands of these and each closure would be kept for each.
 */
export class Tunnel {
  readonly client: TunnelSide;
  target: TunnelSide;
  readonly openedAt: number;
  readonly info: TunnelInfo;
  /** Absent: the target's end is the end. */
  readonly resumable: Resumable | undefined;
  /** Set once, by whatever ended it first. */
  cause: TunnelCause | undefined;
  /** The code of the first close frame that was seen, and who sent it. */
  closeCode: number | undefined;
  /** How often its session went on at another target. */
  moves = 0;
  /** Bytes and messages of targets that it had before. */
  readonly before = { bytes: 0, messages: 0 };
  #quietSince: number;
  #bytesSeen = 0;
  /** Bytes of the target when it was last asked whether it was heard. */
  #bytesHeard = 0;
  /** The connection to the target before, until the session goes on. */
  #left: Socket | undefined;
  /** Signs of life that the target was asked for, and has not given. */
  #alivesAsked = 0;
  #endedAt: number | undefined;
  /** When the client was stopped, since the target asked for it. */
  #stoppedAt: number | undefined;
  #held = false;
  #onGoing: (() => void) | undefined;
  /** Whether the next target wants to hand the session over before it is ready. */
  #askedEarly = false;
  #open = 2;
  readonly #events: TunnelEvents;

  constructor(
    client: Socket,
    target: Socket,
    info: TunnelInfo,
    now: number,
    events: TunnelEvents,
    resumable?: Resumable,
  ) {
    this.info = info;
    this.openedAt = now;
    this.#quietSince = now;
    this.#events = events;
    this.resumable = resumable;
    this.client = new TunnelSide(this, client, 'client');
    this.target = new TunnelSide(this, target, 'target');
  }

  /** Starts piping, with what each side had sent before. */
  start(fromClient: readonly Buffer[], fromTarget: readonly Buffer[]): void {
    this.contain(() => {
      this.client.start(fromClient);
      this.target.start(fromTarget);
    });
  }

  /** Takes one step; what it throws ends this tunnel, and nothing else. */
  contain(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fault(error);
    }
  }

  /** @internal Something threw. */
  fault(error: unknown): void {
    this.#events.onFault(this, error);
    this.destroy('fault');
  }

  other(side: TunnelSide): TunnelSide {
    return side === this.client ? this.target : this.client;
  }

  /** Whether the client waits for a target to go on. */
  get isHeld(): boolean {
    return this.#held;
  }

  /** Whether it is at its end, or there already: no target can be given to it any more. */
  get isOver(): boolean {
    return this.#endedAt !== undefined || this.client.socket.destroyed;
  }

  /** Whether anything has come from the target since this was last read. */
  wasHeard(): boolean {
    const { bytes } = this.target;
    if (bytes === this.#bytesHeard) return false;
    this.#bytesHeard = bytes;
    return true;
  }

  /**
   * Asks the target for a sign of life, past the client.
   *
   * @returns `false` where it cannot be asked now, or its answer might be stuck behind what a slow client does not read
   */
  askAlive(): boolean {
    if (this.resumable === undefined || this.#held || this.#endedAt !== undefined) return false;
    if (this.target.socket.isPaused() || this.target.socket.writableLength > 0) return false;
    if (this.client.sayAlive()) this.#alivesAsked++;
    return this.#alivesAsked > 0;
  }

  /** @internal Whether a sign of life is the one that was asked for, rather than an answer to the client. */
  takesAlive(): boolean {
    if (this.#alivesAsked === 0) return false;
    this.#alivesAsked--;
    return true;
  }

  /**
   * The target is gone without a word, or hangs: its session fails over where it can; otherwise both sides are cut.
   *
   * The old connection ends only when the session goes on elsewhere. A target that is there after all, and saw it end before, would take the
   * client for gone and forget the session.
   */
  failOver(): void {
    if (this.#held || this.target.socket.destroyed) return;
    if (this.#lost(this.target, 'crash')) this.target.socket.pause();
    else this.destroy('target silent');
  }

  /** Looks after the limits; called about once a second. */
  sweep(now: number, limits: TunnelLimits): void {
    const bytes = this.client.bytes + this.target.bytes;
    if (bytes !== this.#bytesSeen) {
      this.#bytesSeen = bytes;
      this.#quietSince = now;
    }
    if (this.#stoppedAt !== undefined && !this.#held && now - this.#stoppedAt >= handOverMs) this.#overdue(now);
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
    this.client.drop();
  }

  /** Cuts both sides at once. */
  destroy(cause: TunnelCause): void {
    this.cause ??= cause;
    this.client.socket.destroy();
    this.target.socket.destroy();
    this.#leave();
  }

  /**
   * Goes on with a session at another target.
   *
   * @param socket - of the next target, which has resumed the session
   * @param early - what came from it already
   * @param skip - how many of its first data frames the client must not see; until these are there the client is held
   * @param onGoing - told when the client goes on
   * @returns `false` where the tunnel is over: then the socket is destroyed
   */
  rejoin(socket: Socket, early: Buffer, skip: number, onGoing: () => void): boolean {
    if (this.isOver || !this.#held) {
      socket.destroy();
      return false;
    }
    this.before.bytes += this.target.bytes;
    this.before.messages += this.target.messages;
    this.#left = this.target.socket;
    this.target = new TunnelSide(this, socket, 'target', skip);
    this.#bytesHeard = 0;
    this.#alivesAsked = 0;
    this.#open++;
    this.moves++;
    this.#held = false;
    this.#onGoing = onGoing;
    // Should the next target go away meanwhile, its client has been stopped all the same.
    this.#stoppedAt = Date.now();
    // With nothing to skip there is nothing to wait for.
    if (!(skip > 0)) this.goOn();
    this.target.start(early.length === 0 ? [] : [early]);
    return true;
  }

  /** @internal The next target is ready. */
  goOn(): void {
    this.#stoppedAt = undefined;
    this.#leave();
    // Before all else, so that it is the one from now on.
    if (this.#onGoing !== undefined) this.target.socket.write(controlFrame(opcodes.pong, chosenPong));
    this.client.replay(this.#onGoing !== undefined);
    this.#onGoing?.();
    this.#onGoing = undefined;
    if (!this.#askedEarly) return;
    this.#askedEarly = false;
    this.stopClient(Date.now());
  }

  /** Ends the connection to the target before, which may not know yet that the session goes on elsewhere. */
  #leave(): void {
    if (this.#left?.destroyed === false) reset(this.#left);
    this.#left = undefined;
  }

  /** Asks the target to hand the session over, so that it goes on elsewhere. @returns whether it can be asked */
  askToMove(now: number): boolean {
    const { resumable } = this;
    if (resumable === undefined || this.#stoppedAt !== undefined || this.#endedAt !== undefined || this.#held)
      return false;
    this.contain(() => this.stopClient(now));
    return true;
  }

  /** @internal The target wants to hand the session over. It may ask any number of times, and is answered each time. */
  stopClient(now: number): void {
    if (this.#endedAt !== undefined || this.#held) return;
    if (this.#onGoing !== undefined) {
      // It has to get first what the client had begun.
      this.#askedEarly = true;
      return;
    }
    this.#stoppedAt = now;
    this.client.stop();
  }

  /** @internal */
  ended(side: TunnelSide, now: number): void {
    if (this.#wasLeft(side) || this.#lost(side)) return;
    this.cause ??= `${side.name} closed`;
    this.#endedAt ??= now;
    this.other(side).socket.end();
    // Nobody will take what it says, and its end is to be read.
    if (this.client.isStopped) this.client.drop();
  }

  /** @internal */
  failed(side: TunnelSide): void {
    if (this.#wasLeft(side) || this.#lost(side)) return;
    this.cause ??= `${side.name} reset`;
    reset(this.other(side).socket);
  }

  /** @internal */
  closed(side: TunnelSide): void {
    if (this.#wasLeft(side)) return;
    if (side === this.target && this.#held) return;
    if (!side.socket.readableEnded && this.#lost(side)) return;
    const { socket } = this.other(side);
    // An orderly end was passed on; anything else must not leave the other side waiting.
    if (!side.socket.readableEnded && !socket.destroyed) {
      this.cause ??= `${side.name} closed`;
      socket.destroy();
    }
    if (--this.#open > 0) return;
    // One that was given up may still be open.
    this.target.socket.destroy();
    this.#leave();
    this.#events.onClosed(this);
  }

  /** Whether a side was left behind: it is not of this tunnel any more. */
  #wasLeft(side: TunnelSide): boolean {
    return side !== this.client && side !== this.target;
  }

  /** A target that asked to hand over, and did not, has everything as before; one that has taken over, and says nothing, is of no use. */
  #overdue(now: number): void {
    if (this.#onGoing === undefined) this.goOn();
    else this.close(1012, 'not resumed', now);
  }

  /** The target is gone: whether its session goes on elsewhere. */
  #lost(side: TunnelSide, how?: 'crash'): boolean {
    const { resumable, client, target } = this;
    if (side !== target || resumable === undefined || this.#endedAt !== undefined) return false;
    if (this.#held) return true;
    if (this.closeCode !== undefined || client.socket.destroyed || client.socket.readableEnded) return false;
    // Nothing that is no WebSocket can go on elsewhere.
    if (!target.isWebSocket) return false;
    // Half a frame that the client has got cannot be taken back.
    if (!target.isWhole) {
      resumable.onCut(this);
      return false;
    }
    const cause = how ?? (client.isAsked ? 'planned' : 'crash');
    this.#held = true;
    client.hold();
    this.#open--;
    if (how === undefined) target.socket.destroy();
    resumable.onLost(this, cause);
    return true;
  }
}

/** One side of a tunnel: what comes from it, on its way to the other. */
export class TunnelSide implements Receiver, ControlReceiver {
  readonly tunnel: Tunnel;
  readonly socket: Socket;
  readonly name: 'client' | 'target';
  /** Bytes that came from here. */
  bytes = 0;
  readonly #walker: FrameWalker;
  /** The close code that the other side is to get as soon as the frame on its way is whole. */
  #closing: number | undefined;
  /** With a client: what its target has got of an event that is not whole. With a target: of a control frame, which the client may not be meant to see. */
  #open: Buffer | undefined;
  /** With a client: what no target has got yet. */
  #waiting: Buffer | undefined;
  /** How many bytes of it are before the last place at which nothing is half said. */
  #waitingWhole = 0;
  /** Whether an event came that is too large to be kept. */
  #tooLarge = false;
  #stop: 'no' | 'asked' | 'stopped' = 'no';
  /** Whether a client sent what only agents may. */
  #forged = false;
  /** Where in the current chunk frames stand that are not for the other side, in order. */
  #cuts: Cut[] | undefined;
  /** Data frames that the client must not see. */
  #skip: number;
  #skipped: Buffer | undefined;
  /** Whether what still comes from here goes nowhere. */
  #finished = false;

  constructor(tunnel: Tunnel, socket: Socket, name: 'client' | 'target', skip = 0) {
    this.tunnel = tunnel;
    this.socket = socket;
    this.name = name;
    this.#skip = skip;
    this.#walker = new FrameWalker(tunnel.resumable !== undefined);
    (socket as SidedSocket)[ownSide] = this;
    // Finds out about peers that went away without a word.
    socket.setKeepAlive(true, keepAliveMs[name]);
    socket.on('drain', onDrain).on('end', onEnd).on('error', onError).on('close', onClose);
  }

  /** Messages that came from here. */
  get messages(): number {
    return this.#walker.messages;
  }

  /** Whether all that came from here was WebSocket. */
  get isWebSocket(): boolean {
    return this.#walker.fault === undefined;
  }

  /** Whether nothing that came from here is half passed on. */
  get isWhole(): boolean {
    return this.#walker.atEventButControl;
  }

  /** Whether what came from here last can be sent again. */
  get canReplay(): boolean {
    return this.#walker.fault === undefined && !this.#tooLarge;
  }

  /** Bytes that are kept for another target. */
  get openBytes(): number {
    return (this.#open?.length ?? 0) + (this.#waiting?.length ?? 0);
  }

  /** Whether this side has been stopped between two frames, and the target knows. */
  get isStopped(): boolean {
    return this.#stop === 'stopped';
  }

  /** Whether it has been stopped, or is to be as soon as it can. */
  get isAsked(): boolean {
    return this.#stop !== 'no';
  }

  start(early: readonly Buffer[]): void {
    let more = true;
    for (const chunk of early) more = this.onChunk(chunk, chunk.length) && more;
    carryTo(this.socket, this);
    // Nobody will hear of its closing again.
    if (this.socket.closed) this.tunnel.closed(this);
    // A client may end its side in mid-handshake; its end was said before anyone here listened.
    else if (this.socket.readableEnded) this.tunnel.ended(this, Date.now());
    else if (!more) this.socket.pause();
  }

  onChunk(chunk: Buffer, length: number): boolean {
    this.bytes += length;
    if (this.#finished) return true;
    const { resumable } = this.tunnel;
    if (resumable === undefined) return this.#pass(chunk, length, this.#walker.walk(chunk, length, this));
    if (this.name === 'client') return this.#fromClient(chunk, length, resumable.frameBytes);
    return this.#skip > 0 ? this.#skipFrames(chunk, length) : this.#fromTarget(chunk, length, resumable);
  }

  #pass(chunk: Buffer, length: number, boundary: number): boolean {
    const to = this.tunnel.other(this).socket;
    if (this.#closing === undefined || boundary === 0) return writeChunk(to, chunk, length);
    writeChunk(to, chunk, boundary);
    this.#finish();
    return true;
  }

  /** What comes from a client goes on at once; of an event that is not whole what came is kept, for a target that has to begin with it. */
  #fromClient(chunk: Buffer, length: number, frameBytes: number): boolean {
    const boundary = this.#walker.walk(chunk, length, this);
    const whole = this.#walker.wholeUntil;
    if (this.tunnel.isHeld || this.#stop === 'stopped') {
      // Read before it was stopped: for the next target.
      this.#wait(chunk, length, whole);
      return false;
    }
    if (this.#forged) {
      this.tunnel.close(1008, 'forged mark', Date.now());
      return true;
    }
    const until = this.#stop === 'asked' ? this.#stopAt(whole, boundary, frameBytes) : 0;
    const passed = until > 0 ? until : length;
    if (whole === passed) {
      this.#open = undefined;
      this.#tooLarge = false;
    } else this.#keepOpen(chunk.subarray(whole, passed), whole > 0, frameBytes);
    if (until === 0) return writeChunk(this.tunnel.target.socket, chunk, length);
    writeChunk(this.tunnel.target.socket, chunk, until);
    if (until < length) this.#wait(chunk.subarray(until, length), length - until, 0);
    this.#sayStopped();
    return false;
  }

  /**
   * Where in a chunk a client that is to stop can be stopped: where nothing is half said, or between two frames of an event that the next target
   * can be given from its beginning. 0: nowhere, as a target can be told of it only between two frames.
   */
  #stopAt(whole: number, boundary: number, frameBytes: number): number {
    if (whole > 0 || this.#tooLarge) return whole;
    return (this.#open?.length ?? 0) + boundary <= frameBytes ? boundary : 0;
  }

  #wait(chunk: Buffer, length: number, whole: number): void {
    const before = this.#waiting ?? noBytes;
    if (whole > 0) this.#waitingWhole = before.length + whole;
    this.#waiting = Buffer.concat([before, chunk.subarray(0, length)]);
  }

  #keepOpen(rest: Buffer, isNew: boolean, frameBytes: number): void {
    const before = isNew ? 0 : (this.#open?.length ?? 0);
    if (isNew) this.#tooLarge = false;
    if (this.#tooLarge || before + rest.length > frameBytes) {
      this.#tooLarge = true;
      this.#open = undefined;
    } else this.#open = before === 0 ? Buffer.from(rest) : Buffer.concat([this.#open as Buffer, rest]);
  }

  /** What comes from a target goes on at once, but for the ping that is not meant for the client. */
  #fromTarget(chunk: Buffer, length: number, { marks }: Resumable): boolean {
    this.#cuts = undefined;
    const boundary = this.#walker.walk(chunk, length, this);
    const openBytes = this.#walker.openControlBytes;
    if (!this.#walker.atBoundary && openBytes === 0) marks.keepCut(chunk, length);
    const cuts = this.#cuts as Cut[] | undefined;
    if (this.#open === undefined && cuts === undefined && openBytes === 0) return this.#pass(chunk, length, boundary);
    return this.#passAround(chunk, length, boundary, cuts ?? [], openBytes);
  }

  #passAround(chunk: Buffer, length: number, boundary: number, cuts: readonly Cut[], openBytes: number): boolean {
    const held = this.#open;
    this.#open = undefined;
    // Still the same control frame.
    if (openBytes > length) {
      this.#open = Buffer.concat([held ?? noBytes, chunk.subarray(0, length)]);
      return true;
    }
    const to = this.tunnel.client.socket;
    // Only the first one can have begun in an earlier chunk.
    const isHeldCut = cuts[0] !== undefined && cuts[0].start < 0;
    if (held !== undefined && !isHeldCut) to.write(held);
    let from = 0;
    for (const { start, end } of cuts) {
      if (start > from) to.write(Buffer.from(chunk.subarray(from, start)));
      from = end;
    }
    const until = length - openBytes;
    if (openBytes > 0) this.#open = Buffer.from(chunk.subarray(until, length));
    if (until <= from) return !to.writableNeedDrain;
    return this.#pass(chunk.subarray(from, until), until - from, Math.max(0, boundary - from));
  }

  /** The first frames of a target that resumes are for us: the openings that the client has had from the first one. */
  #skipFrames(chunk: Buffer, length: number): boolean {
    const fresh = Buffer.from(chunk.subarray(0, length));
    let bytes = this.#skipped === undefined ? fresh : Buffer.concat([this.#skipped, fresh]);
    while (this.#skip > 0) {
      const size = frameSize(bytes);
      if (size === undefined || size > bytes.length) {
        this.#skipped = bytes;
        return bytes.length < maxSkippedBytes || this.#refuse();
      }
      const opcode = (bytes[0] as number) & 0x0f;
      if (opcode < 8) this.#skip--;
      // What else is said between the two is not for the client.
      else if (opcode === opcodes.ping && bytes.toString('latin1', 2, size) === stopClientPing) {
        this.tunnel.stopClient(Date.now());
      }
      bytes = bytes.subarray(size);
    }
    this.#skipped = undefined;
    this.tunnel.goOn();
    return bytes.length === 0 || this.#fromTarget(bytes, bytes.length, this.tunnel.resumable as Resumable);
  }

  #refuse(): true {
    this.tunnel.close(1012, 'not resumed', Date.now());
    return true;
  }

  onControl(opcode: number, payload: Buffer, end: number, size: number): void {
    if (opcode === opcodes.close) this.tunnel.closeCode ??= payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    // A client could have its session handed over at any time, as only agents may.
    else if (opcode === opcodes.pong && this.name === 'client' && payload.toString('latin1') === clientStoppedPong) {
      this.#forged = true;
    }
    // From a client the same is a ping as any other.
    else if (this.name === 'target' && this.tunnel.resumable !== undefined) {
      const text = payload.toString('latin1');
      const isDrain = opcode === opcodes.ping && text === stopClientPing;
      const isAlive = opcode === opcodes.pong && text === alivePing && this.tunnel.takesAlive();
      if (!isDrain && !isAlive) return;
      this.#cuts ??= [];
      this.#cuts.push({ start: end - size, end });
      if (isDrain) this.tunnel.stopClient(Date.now());
    }
  }

  onDataEnd(chunk: Buffer, end: number, marked: MarkPlace | undefined): void {
    if (this.name === 'target') this.tunnel.resumable?.marks.read(chunk, end, marked);
  }

  onFault(error: unknown): void {
    this.tunnel.fault(error);
  }

  /** Stops reading as soon as it can, and tells the other side; one that is stopped already says so again. */
  stop(): void {
    const walker = this.#walker;
    const canStop = walker.fault === undefined && (walker.atEvent || (walker.atBoundary && !this.#tooLarge));
    if (this.#stop === 'stopped' || canStop) this.#sayStopped();
    else this.#stop = 'asked';
  }

  /** Asks the other side for a sign of life, where nothing is half said. @returns whether it could be asked */
  sayAlive(): boolean {
    if (this.#walker.fault !== undefined || (!this.#walker.atBoundary && this.#stop !== 'stopped')) return false;
    this.tunnel.target.socket.write(controlFrame(opcodes.ping, alivePing));
    return true;
  }

  /** Reads no further, wherever it stands. */
  hold(): void {
    this.#stop = 'stopped';
    this.socket.pause();
  }

  #sayStopped(): void {
    const wasSaid = this.#stop === 'stopped';
    this.hold();
    const { socket } = this.tunnel.other(this);
    // To one that asks on without reading, what waits for it already is the answer.
    if (socket.writable && !(wasSaid && socket.writableLength > 0))
      socket.write(controlFrame(opcodes.pong, clientStoppedPong));
  }

  /**
   * Goes on reading, after what came meanwhile.
   *
   * @param isNew - whether the target is another one, which has to get an event from its beginning
   */
  replay(isNew: boolean): void {
    this.#stop = 'no';
    const open = this.#open ?? noBytes;
    const waiting = this.#waiting ?? noBytes;
    const { socket } = this.tunnel.target;
    if (isNew && open.length > 0) socket.write(open);
    if (waiting.length > 0) socket.write(waiting);
    // Should this target die as well the next one needs no more than what is not whole.
    const rest = this.#waitingWhole > 0 ? waiting.subarray(this.#waitingWhole) : Buffer.concat([open, waiting]);
    this.#open = rest.length === 0 ? undefined : rest;
    this.#waiting = undefined;
    this.#waitingWhole = 0;
    this.socket.resume();
  }

  /** What comes from here ends, for the other side, with a close frame. */
  sayClose(code: number): void {
    this.#closing = code;
    // After something that is no WebSocket a frame would be noise.
    if (this.#walker.atBoundary || this.#walker.fault !== undefined || this.tunnel.isHeld) this.#finish();
  }

  #finish(): void {
    const to = this.tunnel.other(this).socket;
    if (this.#walker.fault === undefined) to.write(closeFrame(this.#closing ?? 1012));
    to.end();
    this.socket.end();
    this.drop();
  }

  /** Reads on without passing anything on: its end would otherwise never be read, and the connection stay. */
  drop(): void {
    this.#finished = true;
    this.socket.resume();
  }
}

const noBytes = Buffer.alloc(0);

/** A part of a chunk that is not passed on; it begins before 0 where that was in an earlier chunk. */
interface Cut {
  readonly start: number;
  readonly end: number;
}

/** Most that the frames may have which a client must not see, in bytes. */
const maxSkippedBytes = 65_536;

/** Which side a socket is, so that all sockets share four listeners; a map beside them would take more memory. */
const ownSide = Symbol('side');
type SidedSocket = Socket & { [ownSide]?: TunnelSide };

function onDrain(this: SidedSocket): void {
  const side = this[ownSide];
  if (side === undefined) return;
  const other = side.tunnel.other(side);
  // A client that waits for its next target is not to be read because the old one takes more.
  if (!other.isStopped) other.socket.resume();
}

function onEnd(this: SidedSocket): void {
  const side = this[ownSide];
  side?.tunnel.contain(() => side.tunnel.ended(side, Date.now()));
}

function onError(this: SidedSocket): void {
  const side = this[ownSide];
  side?.tunnel.contain(() => side.tunnel.failed(side));
}

function onClose(this: SidedSocket): void {
  const side = this[ownSide];
  side?.tunnel.contain(() => side.tunnel.closed(side));
}

/** An unmasked close frame, as a server sends it. */
function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, code >> 8, code & 0xff]);
}

/** A masked control frame, as a client sends it. The mask is no secret: the payload is ours. */
function controlFrame(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
