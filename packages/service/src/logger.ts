import { bufferedOutput, type LineOutput, type StreamName } from './buffered-output.ts';
import { startOfLine, writeLine } from './log-line.ts';
import { prettyOutput } from './pretty.ts';
import { createRepeats } from './repeats.ts';

/** Writes one line with fields; the fields come first, so that the message stays searchable text. */
export interface Log {
  (fields: object, message: string): void;
  (message: string): void;
}

/** What code logs to. Injected, so that a program that embeds gopush decides where logs go; those of pino fit. */
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
  /** Where lines go. @defaultValue `'stdout'` */
  readonly stream?: StreamName;
}

const none = {};

/** A logger whose level may be changed while it is used. */
export interface LeveledLogger extends Logger {
  level: LogLevel;
}

/** A logger that writes to standard output, or to standard error. */
export function createLogger(options: LoggerOptions = {}): LeveledLogger {
  const { format = 'auto', stream = 'stdout' } = options;
  const text = format === 'text' || (format === 'auto' && process[stream].isTTY);
  return createLoggerTo(text ? prettyOutput(stream) : bufferedOutput(stream), options);
}

/** What settings may say of the log. */
interface LogSettings {
  readonly level?: LogLevel | undefined;
  readonly format?: LoggerOptions['format'] | undefined;
}

/**
 * Refuses what is no logger, before the first line would fail.
 *
 * @throws TypeError naming what is missing
 */
export function checkLogger(what: string, logger: Logger): Logger {
  const missing = (['debug', 'info', 'warn', 'error'] as const).find((level) => typeof logger[level] !== 'function');
  if (missing !== undefined)
    throw new TypeError(`${what}: logger: found no function ${missing}, wanted debug, info, warn and error`);
  return logger;
}

/**
 * The logger of what is started in a program that gives none: warnings and errors, on standard error. What its settings say of the log counts
 * first.
 */
export function defaultLogger(node: string, { level = 'warn', format = 'auto' }: LogSettings = {}): Logger {
  return createLogger({ level, format, node, stream: 'stderr' });
}

/**
 * A logger that writes its lines, in JSON, to some output. Of warnings and errors that have the same message, and an error (`err`) of the same kind or
 * no fields, it writes five in 10 s; how many more there were is one line at the end of that time, with `repeated`.
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
