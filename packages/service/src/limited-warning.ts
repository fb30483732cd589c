import type { Logger } from './logger.ts';
import { perSecond, TokenBucket } from './token-bucket.ts';

/** Warnings in a burst, and per second after that. */
const rate = perSecond(2);

/**
 * Logs a warning that clients can cause. Beyond two a second it is logged at `debug`, so that clients cannot fill the log.
 */
export function createLimitedWarning(log: Logger): (fields: object, message: string) => void {
  const bucket = new TokenBucket(rate, performance.now());
  return (fields, message) => {
    if (bucket.take(performance.now())) log.warn(fields, message);
    else log.debug(fields, message);
  };
}
