import { isLogLevel, type LeveledLogger, type Logger, logLevels } from '../logger.ts';

/** Why the level of a logger was not changed. */
export interface LevelProblem {
  readonly status: 400 | 501;
  /** For people. */
  readonly text: string;
}

/**
 * Changes the lowest level that is written, until the next start.
 *
 * @returns why not; `undefined`: it is changed
 */
export function setLogLevel(log: Logger, level: string): LevelProblem | undefined {
  if (!isLogLevel(level)) {
    return { status: 400, text: `found ${JSON.stringify(level.slice(0, 40))}, wanted one of ${logLevels.join(', ')}` };
  }
  if (!('level' in log)) return { status: 501, text: 'the level of this logger cannot be changed' };
  (log as LeveledLogger).level = level;
  log.info({ level }, 'log level changed');
  return undefined;
}
