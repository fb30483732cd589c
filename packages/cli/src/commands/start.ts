import cluster from 'node:cluster';
import type { Config } from '@gopush/contract';
import { CommandError } from '../command-error.ts';
import { loadProject, type ProjectOptions } from '../project.ts';
import { runProcess } from '../run-process.ts';
import { startSupervisor } from '../supervisor.ts';
import { createNodeLogger, isTier, stopDeadlineMs, type Tier, tiers } from '../tiers.ts';

/** `gopush start [agent|push-server]`: the configured processes, in the foreground. */
export async function start(tier: string | undefined, options: ProjectOptions): Promise<void> {
  if (tier !== undefined && !isTier(tier)) {
    throw new CommandError(2, `start ${tier}: wanted ${tiers.join(' or ')}, or nothing for both`);
  }
  const project = await loadProject(options);
  const log = createNodeLogger(project, 'gopush');
  const wanted: readonly Tier[] = tier === undefined ? tiers : [tier];
  // After the deadline of each tier the supervisor kills what is left, so this one is only for a supervisor that hangs.
  const deadlineMs = wanted.reduce((sum, one) => sum + stopDeadlineMs(project, one) + 2_000, 0);
  process.once('exit', () => {
    // The last word: whatever ends this process, no other stays behind.
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL');
  });
  await runProcess(
    async () => {
      const running = await startSupervisor(project, wanted, log);
      if (wanted.includes('agent')) announce(project.config);
      return running;
    },
    deadlineMs,
    log,
  );
}

/** Says where to go, to people. */
export function announce({ agentPort, agent }: Config): void {
  const scheme = agent.tls === null ? 'http' : 'https';
  if (agentPort !== 0) process.stdout.write(`\n  gopush is ready: ${scheme}://localhost:${agentPort}\n\n`);
}
