import type { PositionPlace } from './event-beginning.ts';

/**
 * Takes the session of a tunnel to another target while its client stays connected (docs/protocol.md, "Seamless restart"). A tunnel without one ends
 * when its target does.
 */
export interface TunnelMigration {
  /** Whether the client has no target and waits for the next one. */
  readonly isHeld: boolean;
  /** Whether the client is not being read. */
  readonly isClientStopped: boolean;

  /** Passes on a chunk of the client, which is valid only during the call. @returns whether to continue reading */
  fromClient(chunk: Buffer, length: number): boolean;
  /** Passes on a chunk of the target, which is valid only during the call. @returns whether to continue reading */
  fromTarget(chunk: Buffer, length: number): boolean;
  /** The client sent a control frame other than a close. */
  onClientControl(opcode: number, payload: Buffer): void;
  /** The target sent a control frame other than a close; it ends at `end` in the chunk and has `size` bytes. */
  onTargetControl(opcode: number, payload: Buffer, end: number, size: number): void;
  /** The payload of a data frame of the target ends at `end` in the chunk. */
  onTargetData(chunk: Buffer, end: number, place: PositionPlace | undefined): void;

  /** The connection to the target has ended. @returns whether the session stays alive, and waits for another target */
  targetLost(): boolean;
  /** Gives up a silent target. @returns whether the session stays alive, and waits for another target */
  failOver(): boolean;
  /** Asks the target to give the session, so that it migrates. @returns whether it could be asked */
  migrate(now: number): boolean;
  /** Probes a silent target with a ping that the client does not see. @returns whether a response to it is expected */
  probe(): boolean;
  /** Checks the time limits; called about once a second. */
  sweep(now: number): void;
  /** The tunnel is over. */
  end(): void;
}
