import { pino } from 'pino';
import { bufferedOutput } from './buffered-output.ts';
import { pinoPretty } from './pretty.ts';
import { withoutOwnSecrets, withoutSecrets } from './redact.ts';

/** Writes one line with fields; the fields come first, so that the message stays searchable text. */
export interface Log {
  (fields: object, message: string): void;
  (message: string): void;
}

/** What code logs to. Injected, so that a program that embeds gopush decides where logs go; pino's own loggers fit. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

/** How much is logged, from all to nothing. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** Least level that is written. */
export type LogLevel = (typeof logLevels)[number];

/** Whether some text names a level. */
export function isLogLevel(text: string): text is LogLevel {
  return logLevels.includes(text as LogLevel);
}

/** How logs are written. */
export interface LoggerOptions {
  /** Least level written. @defaultValue `'info'` */
  readonly level?: LogLevel;
  /** `json` for machines, `text` for people, `auto` for text on a terminal. @defaultValue `'auto'` */
  readonly format?: 'auto' | 'json' | 'text';
  /** Name of this node; in every line. */
  readonly node?: string;
}

/** A logger that writes to standard output. */
export function createLogger({ level = 'info', format = 'auto', node }: LoggerOptions = {}): Logger {
  const options = {
    level,
    base: node === undefined ? {} : { node },
    timestamp,
    formatters: { level: (label: string) => ({ level: label }), log: withoutSecrets },
    serializers: { err: (error: Error) => withoutOwnSecrets(pino.stdSerializers.err(error)) },
  };
  const text = format === 'text' || (format === 'auto' && process.stdout.isTTY);
  return pino(options, text ? pinoPretty() : bufferedOutput());
}

let writtenAt = 0;
let writtenTime = '';

/** The time as a field of a line; of the many lines of one millisecond it is written once. */
function timestamp(): string {
  const now = Date.now();
  if (now !== writtenAt) {
    writtenAt = now;
    writtenTime = `,"time":"${new Date(now).toISOString()}"`;
  }
  return writtenTime;
}

/** A logger that writes nothing. */
export const silentLogger: Logger = pino({ level: 'silent' });
