import { alivePing, stopClientPing } from '@gopush/contract';
import type { PositionPlace } from '../tunnel/event-beginning.ts';
import { opcodes } from '../tunnel/frame-header.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { writeMaskedControl } from '../tunnel/write-frame.ts';
import { GivenPositions } from './given-positions.ts';
import { HiddenFrames } from './hidden-frames.ts';
import { OpeningFrames } from './opening-frames.ts';

const probeFrame = writeMaskedControl(opcodes.ping, alivePing);

/** The stream from the targets of a session to its client, without the frames that are for the agent. */
export class TargetStream {
  readonly positions = new GivenPositions();
  readonly #tunnel: Tunnel;
  readonly #hidden = new HiddenFrames();
  #opening: OpeningFrames | undefined;
  /** Probes that the target has not responded to. */
  #probes = 0;

  constructor(tunnel: Tunnel) {
    this.#tunnel = tunnel;
  }

  /** Another target sends from now on. @param skip - how many of its first data frames the client must not see */
  begin(skip: number): void {
    this.#probes = 0;
    this.#hidden.reset();
    this.#opening = skip > 0 ? new OpeningFrames(skip) : undefined;
  }

  /** The opening frames, which the client must not see; `undefined`: they have come. */
  get opening(): OpeningFrames | undefined {
    return this.#opening;
  }

  /** The opening frames have come. */
  endOpening(): void {
    this.#opening = undefined;
  }

  /** Passes a chunk on to the client. @returns whether to continue reading */
  pass(chunk: Buffer, length: number): boolean {
    const { target, client } = this.#tunnel;
    const boundary = target.walk(chunk, length);
    const openBytes = target.walker.openControlBytes;
    if (!target.walker.atBoundary && openBytes === 0) this.positions.keepCut(chunk, length);
    if (openBytes === 0 && this.#hidden.areNone) return target.pass(chunk, length, boundary);
    const { first, from, until } = this.#hidden.cut(chunk, length, openBytes);
    for (const bytes of first) client.socket.write(bytes);
    if (until <= from) return !client.socket.writableNeedDrain;
    return target.pass(chunk.subarray(from, until), until - from, Math.max(0, boundary - from));
  }

  /** A control frame has come. @returns whether it asks for the client to be stopped */
  onControl(opcode: number, payload: Buffer, end: number, size: number): boolean {
    const text = payload.toString('latin1');
    const isStop = opcode === opcodes.ping && text === stopClientPing;
    const isAlive = opcode === opcodes.pong && text === alivePing && this.#probes > 0;
    if (isStop || isAlive) this.#hidden.hide(end, size);
    if (isAlive) this.#probes--;
    return isStop;
  }

  /** The payload of a data frame ends. */
  onData(chunk: Buffer, end: number, place: PositionPlace | undefined): void {
    this.positions.read(chunk, end, place);
  }

  /**
   * Probes the target, past the client.
   *
   * @param isClientStopped - whether the client has been stopped between two frames
   * @returns whether a response to a probe is expected
   */
  probe(isClientStopped: boolean): boolean {
    const { client, target } = this.#tunnel;
    // A response might be stuck behind what a slow client does not read.
    if (target.socket.isPaused() || target.socket.writableLength > 0) return false;
    const { fault, atBoundary } = client.walker;
    if (fault === undefined && (atBoundary || isClientStopped)) {
      target.socket.write(probeFrame);
      this.#probes++;
    }
    return this.#probes > 0;
  }
}
