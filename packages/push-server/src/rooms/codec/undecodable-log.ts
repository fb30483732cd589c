import type { Logger } from '@gopush/service';

/** How many rooms and users are remembered; with more, some are logged again. */
const maxRemembered = 1_000;

/**
 * Logs that stored messages of a room or user cannot be decoded.
 *
 * @returns logs the first of each room or user
 */
export function createUndecodableLog(log: Logger): (of: string, error: unknown) => void {
  const logged = new Set<string>();
  return (of, error) => {
    if (logged.has(of)) return;
    if (logged.size >= maxRemembered) logged.clear();
    logged.add(of);
    log.error(
      { of, err: error },
      'a stored message cannot be decoded and is left out; later ones of the same are only counted',
    );
  };
}
