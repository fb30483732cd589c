import type { Logger } from '@gopush/service';

/** How many rooms and users are remembered; with more, some are logged again. */
const maxRemembered = 1_000;

/**
 * Counts stored messages that cannot be decoded, and logs the first of each room or user: such a message comes again with each client that
 * asks for it.
 */
export function createUndecodableLog(
  counts: { undecodable: number },
  log: Logger,
): (of: string, error: unknown) => void {
  const logged = new Set<string>();
  return (of, error) => {
    counts.undecodable++;
    if (logged.has(of)) return;
    if (logged.size >= maxRemembered) logged.clear();
    logged.add(of);
    log.error({ of, err: error }, 'a stored message cannot be decoded and is skipped; further ones are only counted');
  };
}
