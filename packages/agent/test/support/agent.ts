import type { ConfigInput, Hooks } from '@gopush/contract';
import { type Logger, silentLogger } from '@gopush/service';
import { onTestFinished } from 'vitest';
import { type Agent, type AgentOptions, startAgent } from '../../src/start/start-agent.ts';

/** Log lines as they were written. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that remembers. */
export function createMemoryLog(): { log: Logger; lines: LogLine[]; next(pattern: RegExp): Promise<LogLine> } {
  const lines: LogLine[] = [];
  const listeners = new Set<() => void>();
  const write =
    (level: string) =>
    (first: object | string, second?: string): void => {
      const line =
        typeof first === 'string'
          ? { level, message: first, fields: {} }
          : { level, message: second ?? '', fields: { ...first } };
      lines.push(line);
      for (const listener of listeners) listener();
    };
  let seen = 0;
  return {
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
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

/** An agent on a free port that ends with the test. */
export async function startTestAgent(
  hooks: AgentOptions['hooks'] & object,
  config: ConfigInput = {},
  logger: Logger = silentLogger,
): Promise<Agent> {
  const agent = await startAgent({
    config: {
      agentPort: 0,
      // Waiting has tests of its own.
      hold: { timeoutMs: 0 },
      ...config,
      // On a machine that has much to do with other tests the agent would refuse what this one asks.
      limits: { eventLoopDelayMs: 0, ...config.limits },
      agent: { host: '127.0.0.1', drainMs: 100, ...config.agent },
    },
    hooks,
    logger,
  });
  onTestFinished(() => agent.close());
  return agent;
}

/** Everybody is `ann`, and all products go to these targets. */
export function hooksTo(router: Hooks['router']): Hooks {
  return { agent: () => 'ann', ...(router === undefined ? {} : { router }) };
}
