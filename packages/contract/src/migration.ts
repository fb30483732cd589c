import type { Position } from './room.ts';

/**
 * What agents and targets say to each other when a session migrates to another target, or fails over to it. The client notices nothing. The whole
 * protocol is in docs/protocol.md, "Seamless restart".
 */

/**
 * Agent → target, on an upgrade: this agent can migrate the session later. `1`; or {@link keepsTokenBefore}.
 */
export const canMigrateHeader = 'x-gopush-can-resume';

/**
 * Value of {@link canMigrateHeader}, with the token of a session: the agent keeps that token, and asks with it if no target knows the
 * next one. So the target that takes the session need not store it under the next token before its client continues.
 */
export const keepsTokenBefore = '2';

/**
 * Target → agent, in the 101: the token of the session. It is good for one migration, and never reaches the client. Agent → target, on an
 * upgrade: take the session with this token.
 */
export const sessionTokenHeader = 'x-gopush-resume';

/** Target → agent, in the 101 for a session that it takes: how many of its first data frames must not reach the client. */
export const skipFramesHeader = 'x-gopush-resume-skip';

/**
 * Agent → target, with the token of a session: the position of the last kept message that the client was given in each room, separated by
 * commas. They override what the last target stored, since that target may have died before its last messages reached the client.
 */
export const lastPositionsHeader = 'x-gopush-resume-after';

/** Stands among the positions when there were more rooms than the agent follows. */
export const incompletePositions = 'incomplete';

/** Payload of the ping by which a target asks the agent to stop the client, so that it can give the session. */
export const stopClientPing = 'gopush:drain';

/** Payload of the pong by which an agent tells the target that no more frames of the client will come. */
export const clientStoppedPong = 'gopush:quiet';

/** Payload of the ping by which an agent probes a target that has been silent for a while. The pong to it never reaches the client. */
export const alivePing = 'gopush:alive';

/**
 * Payload of the pong by which an agent tells a target that it has chosen it for the session. Other targets that it asked see their
 * connection end.
 */
export const chosenPong = 'gopush:going';

/**
 * Target → agent, in responses to plain requests: this target is stopping. The agent sends it no new clients and closes its idle connections to it.
 * Never reaches clients.
 */
export const drainingHeader = 'x-gopush-draining';

/**
 * A position as clients and headers have it: `<epoch>.<offset>~`. A kept message carries it to clients as its last argument: Socket.IO's connection
 * state recovery uses it as the offset, and an agent can read it without parsing the message.
 */
export function writePosition({ epoch, offset }: Position): string {
  return `${epoch}.${offset}~`;
}

/** Longest text that {@link writePosition} writes, in bytes: an epoch of 64 characters, a dot, an offset of 15 digits, `~`. */
export const maxPositionBytes = 81;

/** Reads what {@link writePosition} wrote; `undefined` for anything else. */
export function readPosition(text: unknown): Position | undefined {
  const [, epoch, offset] = (typeof text === 'string' && /^([\w-]{1,64})\.(\d{1,15})~$/.exec(text)) || [];
  return epoch === undefined ? undefined : { epoch, offset: Number(offset) };
}

/** A position whose epoch is known by its number alone: if a process notes positions for the time after its death, there is no room for text. */
export interface NumberedPosition {
  /** {@link numberOfEpoch} of the epoch. */
  readonly number: number;
  readonly offset: number;
}

/** A number that stands for an epoch, from 1 to 2^52: FNV-1a with the low bits of two hashes. */
export function numberOfEpoch(epoch: string): number {
  let [low, high] = [0x811c9dc5, 0x811c9dc5];
  for (let at = 0; at < epoch.length; at++) {
    low = Math.imul(low ^ epoch.charCodeAt(at), 0x01000193);
    high = Math.imul(high ^ epoch.charCodeAt(epoch.length - 1 - at), 0x01000193);
  }
  return (high >>> 12) * 2 ** 32 + (low >>> 0) + 1;
}

/** A {@link NumberedPosition} as {@link lastPositionsHeader} has it: `#<number>.<offset>~`. */
export function writeNumberedPosition({ number, offset }: NumberedPosition): string {
  return `#${number}.${offset}~`;
}

/** Reads what {@link writeNumberedPosition} wrote; `undefined` for anything else. */
export function readNumberedPosition(text: string): NumberedPosition | undefined {
  const [, number, offset] = /^#(\d{1,16})\.(\d{1,15})~$/.exec(text) ?? [];
  return number === undefined ? undefined : { number: Number(number), offset: Number(offset) };
}
