import { type KeysOf, refuseUnknownKeys } from '@gopush/contract';
import { createLogger as create, type Logger, type LoggerOptions, logLevels } from '@gopush/service';

const keys: KeysOf<LoggerOptions> = { level: true, format: true, node: true, stream: true };

const values = { level: logLevels, format: ['auto', 'json', 'text'], stream: ['stdout', 'stderr'] } as const;

/**
 * Creates a logger for `startAgent` and `startPushServer`, like those of the processes of `gopush`. A program may create several.
 *
 * @throws TypeError for an invalid option
 * @example
 * await startAgent({ logger: createLogger({ level: 'info', format: 'json', node: 'agent-1' }) });
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  refuseUnknownKeys('createLogger', options, keys);
  for (const key of ['level', 'format', 'stream'] as const) {
    const value = options[key];
    if (value === undefined || (values[key] as readonly string[]).includes(value)) continue;
    throw new TypeError(
      `createLogger: ${key}: found ${JSON.stringify(value)}, wanted one of ${values[key].join(', ')}`,
    );
  }
  return create(options);
}
