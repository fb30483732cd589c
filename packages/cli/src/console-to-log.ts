import { format, inspect } from 'node:util';
import type { Logger } from '@gopush/service';

/** Redirects console output of hooks to the log. Log lines are JSON; other lines on standard output would break its readers. */
export function consoleToLog(log: Logger): void {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...values: unknown[]): void =>
      log[level]({ from: 'console' }, format(...values));
  const [info, debug] = [at('info'), at('debug')];
  Object.assign(console, { log: info, info, debug, trace: debug, warn: at('warn'), error: at('error') });
  console.dir = (value: unknown, options) => info(inspect(value, options));
}
