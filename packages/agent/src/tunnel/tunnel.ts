import type { Socket } from 'node:net';
import type { EndingCause } from '@gopush/contract';
import type { Member } from '../route/fleet.ts';
import { reset } from '../target/shared-buffer-io.ts';
import type { TunnelInfo } from './tunnel-info.ts';
import type { TunnelMigration } from './tunnel-migration.ts';
import { type SideOwner, TunnelSide } from './tunnel-side.ts';

/** Limits of a tunnel, in milliseconds; 0 is none. */
export interface TunnelLimits {
  /** Longest time without traffic. */
  readonly idleMs: number;
  /** Longest life. */
  readonly maxAgeMs: number;
}

/** How long one side may stay open after the other has ended, in milliseconds. */
const lingerMs = 10_000;

/** Events of a tunnel. */
export interface TunnelEvents {
  onClosed(tunnel: Tunnel): void;
  /** Its client was handed to a target, which serves it from now on. */
  onHandedOver(tunnel: Tunnel): void;
  /** A step of it threw: a bug, which ends this tunnel alone. */
  onFault(tunnel: Tunnel, error: unknown): void;
}

/** The parts of a tunnel. */
export interface TunnelParts {
  readonly client: Socket;
  readonly target: Socket;
  readonly info: TunnelInfo;
  /** When it was opened, in time of `performance.now()`. @defaultValue now */
  readonly openedAt?: number;
  /** Makes what can migrate its session; absent: the tunnel ends with its target. */
  readonly migration?: ((tunnel: Tunnel) => TunnelMigration) | undefined;
}

/**
 * One upgraded stream being piped.
 *
 * Both sides end together: when one ends, the other gets what is still on its way, and then ends; when one is reset, so is the other. Only if the
 * session can migrate does the client outlive its target.
 * A class with shared listeners, since a gateway has thousands of these and each closure would be kept for each.
 */
export class Tunnel implements SideOwner {
  readonly client: TunnelSide;
  target: TunnelSide;
  readonly openedAt: number;
  readonly info: TunnelInfo;
  readonly migration: TunnelMigration | undefined;
  /** What ended it; the first cause counts. */
  cause: EndingCause | undefined;
  /** Status code of the first close frame of either side. */
  closeCode: number | undefined;
  /** How often its session has gone to another target. */
  migrations = 0;
  /** Bytes and messages of its former targets. */
  readonly before = { bytes: 0, messages: 0 };
  #quietSince: number;
  #bytesSeen = 0;
  /** Bytes of the target when {@link wasHeard} was last called. */
  #bytesHeard = 0;
  #endedAt: number | undefined;
  /** How many of its connections have to close before it is over. */
  #open = 2;
  /** Whether the client's socket is being handed to a target. */
  #isHandedOver = false;
  readonly #events: TunnelEvents;

  constructor({ client, target, info, openedAt, migration }: TunnelParts, now: number, events: TunnelEvents) {
    this.info = info;
    this.openedAt = openedAt ?? now;
    this.#quietSince = now;
    this.#events = events;
    // Before the sides, which follow frames more closely for it.
    this.migration = migration?.(this);
    this.client = new TunnelSide(this, client, 'client');
    this.target = new TunnelSide(this, target, 'target');
  }

  /** Starts piping, with the bytes that each side had sent before. */
  start(fromClient: readonly Buffer[], fromTarget: readonly Buffer[]): void {
    this.contain(() => {
      this.client.start(fromClient);
      this.target.start(fromTarget);
    });
  }

  /** Runs a step; an error that it throws ends this tunnel alone. */
  contain(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fault(error);
    }
  }

  /** Something threw: a bug, which ends this tunnel alone. */
  fault(error: unknown): void {
    this.#events.onFault(this, error);
    this.destroy('fault');
  }

  other(side: TunnelSide): TunnelSide {
    return side === this.client ? this.target : this.client;
  }

  /** The target that it is connected to. */
  get member(): Member {
    return this.info.member;
  }

  get canMigrate(): boolean {
    return this.migration !== undefined;
  }

  /** Asks the target to give its session, so that it migrates. @returns whether it could be asked */
  migrate(now: number): boolean {
    return this.migration?.migrate(now) === true;
  }

  /** Whether the client waits for its next target. */
  get isHeld(): boolean {
    return this.migration?.isHeld === true;
  }

  /** Whether a side has ended, or the tunnel is being closed. */
  get isEnding(): boolean {
    return this.#endedAt !== undefined;
  }

  /** Whether it is ending, or over: it can have no other target any more. */
  get isOver(): boolean {
    return this.isEnding || this.#isHandedOver || this.client.socket.destroyed;
  }

  /** Whether anything has come from the target since the last call. */
  wasHeard(): boolean {
    const { bytes } = this.target;
    if (bytes === this.#bytesHeard) return false;
    this.#bytesHeard = bytes;
    return true;
  }

  /** The target is silent: its session fails over if it can; otherwise both sides are cut. */
  giveUpTarget(): void {
    if (this.isHeld || this.target.socket.destroyed) return;
    if (!this.isEnding && this.migration?.failOver()) return;
    this.destroy('target silent');
  }

  /** Enforces the limits; called about once a second. */
  sweep(now: number, limits: TunnelLimits): void {
    const bytes = this.client.bytes + this.target.bytes;
    if (bytes !== this.#bytesSeen) {
      this.#bytesSeen = bytes;
      this.#quietSince = now;
    }
    this.migration?.sweep(now);
    if (this.#endedAt !== undefined && now - this.#endedAt >= lingerMs) this.destroy(this.cause ?? 'cut');
    else if (limits.idleMs > 0 && now - this.#quietSince >= limits.idleMs) this.close(1001, 'idle', now);
    else if (limits.maxAgeMs > 0 && now - this.openedAt >= limits.maxAgeMs) this.close(1012, 'too old', now);
  }

  /**
   * Sends the client a close frame, at the next boundary between two frames, and ends both sides.
   *
   * @param code - status code (RFC 6455 section 7.4): 1012 is "service restart", 1001 "going away"
   */
  close(code: number, cause: EndingCause, now: number): void {
    if (this.isEnding) return;
    this.cause ??= cause;
    this.closeCode ??= code;
    this.#endedAt = now;
    this.target.closeAtBoundary(code);
    this.client.drop();
  }

  /** Cuts both sides at once. */
  destroy(cause: EndingCause): void {
    this.cause ??= cause;
    this.client.socket.destroy();
    this.target.socket.destroy();
    this.migration?.end();
  }

  /** The target's connection counts no longer: its session goes to another one. */
  detachTarget(): void {
    this.#open--;
  }

  /** Pipes to another target from now on. The caller starts its side. */
  attachTarget(socket: Socket): void {
    this.before.bytes += this.target.bytes;
    this.before.messages += this.target.messages;
    this.target = new TunnelSide(this, socket, 'target');
    this.#bytesHeard = 0;
    this.#open++;
    this.migrations++;
  }

  /** The client's socket goes to a target: its events no longer concern the tunnel. */
  beginHandOver(): void {
    this.#isHandedOver = true;
  }

  /** @param cause - why it has failed, which ends the connection; `undefined`: the target has the client */
  endHandOver(cause: EndingCause | undefined): void {
    if (cause === undefined) {
      this.migration?.end();
      this.#events.onHandedOver(this);
      return;
    }
    this.destroy(cause);
    this.#events.onClosed(this);
  }

  ended(side: TunnelSide, now: number): void {
    if (this.#isFormer(side) || this.#isSurvived(side)) return;
    this.cause ??= `${side.name} closed`;
    this.#endedAt ??= now;
    this.other(side).socket.end();
    // Later bytes of a stopped client can go nowhere, but its end has to be read.
    if (this.migration?.isClientStopped === true) this.client.drop();
  }

  failed(side: TunnelSide): void {
    if (this.#isFormer(side) || this.#isSurvived(side)) return;
    this.cause ??= `${side.name} reset`;
    reset(this.other(side).socket);
  }

  closed(side: TunnelSide): void {
    if (this.#isFormer(side)) return;
    if (side === this.target && this.isHeld) return;
    if (!side.socket.readableEnded && this.#isSurvived(side)) return;
    const { socket } = this.other(side);
    // An orderly end was passed on; after anything else the other side must not be left waiting.
    if (!side.socket.readableEnded && !socket.destroyed) {
      this.cause ??= `${side.name} closed`;
      socket.destroy();
    }
    if (--this.#open > 0) return;
    // A silent target that was given up may still be open.
    this.target.socket.destroy();
    this.migration?.end();
    this.#events.onClosed(this);
  }

  /** Whether a side is none of this tunnel any more: that of a former target, or of a client that is handed over. */
  #isFormer(side: TunnelSide): boolean {
    return this.#isHandedOver || (side !== this.client && side !== this.target);
  }

  /** Whether a side is lost without an end to the session, which goes to another target. */
  #isSurvived(side: TunnelSide): boolean {
    return side === this.target && !this.isEnding && this.migration?.targetLost() === true;
  }
}
