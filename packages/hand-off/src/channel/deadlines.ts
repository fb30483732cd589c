/** How long a peer may be silent before its channel counts as dead, in milliseconds, unless a program sets another time. */
const defaultSilentMs = 10_000;

/** How long a hello may take, in milliseconds. */
export const helloMs = 5_000;

/**
 * How many seconds of silence end a channel, in calls of {@link Channel.beat}. With one, a peer that had nothing to send would not even
 * have been sent a ping.
 *
 * @param ms - what a program wants, in milliseconds
 */
export function silentSecondsOf(ms: number = defaultSilentMs): number {
  return Math.max(2, Math.ceil(ms / 1_000));
}

/** Why a channel ended whose peer was silent for so long. */
export const silent = 'silent';
