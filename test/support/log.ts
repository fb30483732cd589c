import type { Logger } from '@gopush/service';

/** A line of a log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines, and resolves when one matches. */
export function createMemoryLog(): { logger: Logger; lines: LogLine[]; next(pattern: RegExp): Promise<LogLine> } {
  const lines: LogLine[] = [];
  const listeners = new Set<() => void>();
  const write =
    (level: string) =>
    (first: object | string, second?: string): void => {
      const [fields, message] = typeof first === 'string' ? [{}, first] : [{ ...first }, second ?? ''];
      lines.push({ level, message, fields });
      for (const listener of listeners) listener();
    };
  let seen = 0;
  return {
    logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    lines,
    /** The next line that matches, after the last one given. */
    next: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          const index = lines.findIndex((line, at) => at >= seen && pattern.test(line.message));
          const line = lines[index];
          if (line === undefined) return;
          seen = index + 1;
          listeners.delete(look);
          resolve(line);
        };
        listeners.add(look);
        look();
      }),
  };
}
