import { createLogger, type Logger, nodeName } from '@gopush/service';
import type { Project } from './project.ts';
import type { Tier } from './tier-names.ts';

/** One process of a tier. */
export interface TierNode {
  readonly tier: Tier;
  /** Which of its tier, from 0. */
  readonly index: number;
  /** Whether other processes may take over its port while it is running, as pm2 does when it reloads. */
  readonly sharePort: boolean;
}

/** The name of a process, in logs, to its peers and to clients. */
export function nameOf({ config }: Pick<Project, 'config'>, { tier, index }: Pick<TierNode, 'tier' | 'index'>): string {
  return nodeName(tier, index, config.processes.machine);
}

/** The logger of a process, as the project wants it. */
export function createNodeLogger({ config }: Project, node: string): Logger {
  return createLogger({ ...config.log, node });
}

/** Whether standard output is for programs, which read a line of JSON at a time. */
export function writesJson({ config }: Pick<Project, 'config'>): boolean {
  const { format } = config.log;
  return format === 'json' || (format === 'auto' && !process.stdout.isTTY);
}

/** Longest graceful stop of a tier, in milliseconds: its longest drain, and some for the rest. */
export function stopDeadlineMs({ config }: Project, tier: Tier): number {
  const { agent, pushServer } = config;
  const drainMs =
    tier === 'agent' ? agent.notReadyMs + agent.drainMs : Math.max(pushServer.drainMs, pushServer.maxDrainMs);
  return drainMs + 3_000;
}
