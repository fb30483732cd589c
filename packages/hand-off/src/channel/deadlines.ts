/** How long a peer may be silent before its channel counts as dead, in milliseconds, unless a program sets another time. */
const defaultSilentMs = 10_000;

/** How long a hello may take, in milliseconds. */
export const helloMs = 5_000;

/**
 * How many seconds of silence end a channel, counted in calls of {@link Channel.beat}. At least two: a peer that has nothing to send is sent a ping
 * only after the first.
 *
 * @param ms - as the program has set it, in milliseconds
 */
export function silentSecondsOf(ms: number = defaultSilentMs): number {
  return Math.max(2, Math.ceil(ms / 1_000));
}

/** The reason with which a channel ends because its peer was silent. */
export const silent = 'silent';
