import { type Logger, setLogLevel } from '@gopush/service';
import type { Act } from './node-actions.ts';

/** The action `log-level`: changes the lowest level that a node logs, until its next start. */
export function logLevelAct(log: Logger): Act {
  return (level) => {
    const problem = setLogLevel(log, level);
    if (problem !== undefined) throw new Error(problem.text);
    return `logs from ${level} on`;
  };
}
