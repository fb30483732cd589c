import { bufferedOutput, type LineOutput } from './buffered-output.ts';
import { startOfLine, writeLine } from './log-line.ts';
import { prettyOutput } from './pretty.ts';

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
}

const none = {};

/** A logger whose level may be changed while it is used. */
export interface LeveledLogger extends Logger {
  level: LogLevel;
}

/** A logger that writes to standard output. */
export function createLogger(options: LoggerOptions = {}): LeveledLogger {
  const { format = 'auto' } = options;
  const text = format === 'text' || (format === 'auto' && process.stdout.isTTY);
  return createLoggerTo(text ? prettyOutput() : bufferedOutput(), options);
}

/** A logger that writes its lines, in JSON, to some output. */
export function createLoggerTo(
  output: LineOutput,
  { level = 'info', node }: Pick<LoggerOptions, 'level' | 'node'>,
): LeveledLogger {
  let least = logLevels.indexOf(level);
  const logAt = (name: LogLevel): Log => {
    const rank = logLevels.indexOf(name);
    const start = startOfLine(name, node);
    return (fields: object | string, message?: string) => {
      if (rank < least) return;
      const line =
        typeof fields === 'string'
          ? writeLine(start, Date.now(), none, fields)
          : writeLine(start, Date.now(), fields, message ?? '');
      output.write(line, name === 'error');
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
