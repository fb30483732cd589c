import { type DestinationStream, pino } from 'pino';
import { pinoPretty } from './pretty.ts';

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

/** Keys whose values never reach a log, wherever they stand. */
const secret = ['password', 'token', 'authorization', 'cookie', 'secret'];

/** A logger that writes to standard output. */
export function createLogger({ level = 'info', format = 'auto', node }: LoggerOptions = {}): Logger {
  const options = {
    level,
    base: node === undefined ? {} : { node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: [...secret, ...secret.map((key) => `*.${key}`)],
  };
  const text = format === 'text' || (format === 'auto' && process.stdout.isTTY);
  const destination: DestinationStream = text ? pinoPretty() : pino.destination({ fd: 1, sync: true });
  return pino(options, destination);
}

/** A logger that writes nothing. */
export const silentLogger: Logger = pino({ level: 'silent' });
