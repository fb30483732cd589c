import type { Logger } from './logger.ts';
import { perSecond, TokenBucket } from './token-bucket.ts';

/** How many warnings are written at once, and a second after that. */
const rate = perSecond(2);

/**
 * Warns of something that whoever can send requests can cause, so that nobody can fill a log with it: beyond two a second it is written at
 * `debug`.
 */
export function createLimitedWarning(log: Logger): (fields: object, message: string) => void {
  const bucket = new TokenBucket(rate, performance.now());
  return (fields, message) => {
    if (bucket.take(performance.now())) log.warn(fields, message);
    else log.debug(fields, message);
  };
}
