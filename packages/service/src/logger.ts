import { bufferedOutput, type LineOutput, type StreamName } from './buffered-output.ts';
import { startOfLine, writeLine } from './log-line.ts';
import { prettyOutput } from './pretty.ts';
import { createRepeats } from './repeats.ts';

/** Writes a line. Values go into fields, so that the message stays the same text and can be searched for. */
export interface Log {
  (fields: object, message: string): void;
  (message: string): void;
}

/** A logger. It is injected, so that a program that embeds gopush decides where logs go. Loggers of pino have this shape. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

/** Log levels, from everything to nothing. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** Lowest level that is written. */
export type LogLevel = (typeof logLevels)[number];

/** Whether a text is a level. */
export function isLogLevel(text: string): text is LogLevel {
  return logLevels.includes(text as LogLevel);
}

/** Options of a logger. */
export interface LoggerOptions {
  /** Lowest level that is written. @defaultValue `'info'` */
  readonly level?: LogLevel;
  /** `json` for machines, `text` for people, `auto` for text on a terminal. @defaultValue `'auto'` */
  readonly format?: 'auto' | 'json' | 'text';
  /** Name of this node; in every line. */
  readonly node?: string;
  /** Output stream. @defaultValue `'stdout'` */
  readonly stream?: StreamName;
}

const none = {};

/** A logger whose level can be changed at any time. */
export interface LeveledLogger extends Logger {
  level: LogLevel;
}

/** Creates a logger that writes to standard output or standard error. */
export function createLogger(options: LoggerOptions = {}): LeveledLogger {
  const { format = 'auto', stream = 'stdout' } = options;
  const text = format === 'text' || (format === 'auto' && process[stream].isTTY);
  return createLoggerTo(text ? prettyOutput(stream) : bufferedOutput(stream), options);
}

/** Settings of the log. */
interface LogSettings {
  readonly level?: LogLevel | undefined;
  readonly format?: LoggerOptions['format'] | undefined;
}

/**
 * Checks that a value is a logger, before the first line would fail.
 *
 * @throws TypeError that names the missing method
 */
export function checkLogger(what: string, logger: Logger): Logger {
  const missing = (['debug', 'info', 'warn', 'error'] as const).find((level) => typeof logger[level] !== 'function');
  if (missing !== undefined)
    throw new TypeError(`${what}: logger: found no function ${missing}, wanted debug, info, warn and error`);
  return logger;
}

/**
 * Creates the logger of an agent or push-server that a program starts without one: warnings and errors, on standard error. Settings of the log
 * override this.
 */
export function defaultLogger(node: string, { level = 'warn', format = 'auto' }: LogSettings = {}): Logger {
  return createLogger({ level, format, node, stream: 'stderr' });
}

/**
 * Creates a logger that writes JSON lines to an output. Of warnings and errors with the same message, and with the same kind of error (`err`) or no
 * fields, it writes five in 10 s. One line at the end of that time has the number of the others, as `repeated`.
 */
export function createLoggerTo(
  output: LineOutput,
  { level = 'info', node }: Pick<LoggerOptions, 'level' | 'node'>,
): LeveledLogger {
  let least = logLevels.indexOf(level);
  const logAt = (name: LogLevel): Log => {
    const rank = logLevels.indexOf(name);
    const start = startOfLine(name, node);
    const write = (fields: object, message: string): void =>
      output.write(writeLine(start, Date.now(), fields, message), name === 'error');
    const repeats =
      name === 'warn' || name === 'error'
        ? createRepeats((message, repeated) => write({ repeated }, message))
        : undefined;
    return (fields: object | string, message?: string) => {
      if (rank < least) return;
      if (typeof fields === 'string') {
        if (repeats?.admits(fields) !== false) write(none, fields);
        return;
      }
      const { err } = fields as { readonly err?: unknown };
      if (err === undefined || repeats?.admits(message ?? '', err) !== false) write(fields, message ?? '');
    };
  };
  return {
    get level() {
      return logLevels[least] ?? 'silent';
    },
    set level(changed) {
      least = logLevels.indexOf(changed);
    },
    debug: logAt('debug'),
    info: logAt('info'),
    warn: logAt('warn'),
    error: logAt('error'),
  };
}

/** A logger that writes nothing. */
export const silentLogger: Logger = createLoggerTo({ write() {} }, { level: 'silent' });
