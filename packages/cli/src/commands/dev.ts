import { createLifetime } from '@gopush/service';
import { loadProject, type ProjectOptions } from '../project.ts';
import { runProcess } from '../run-process.ts';
import { startTier } from '../start-tier.ts';
import { createNodeLogger, nameOf, stopDeadlineMs, type TierNode } from '../tiers.ts';
import { announce } from './start.ts';

/** `gopush dev`: runs one agent and all push-servers in this process, with logs for people. Edited hooks are reloaded. */
export async function dev(options: ProjectOptions): Promise<void> {
  const loaded = await loadProject(options);
  const { config } = loaded;
  const project = { ...loaded, config: { ...config, log: { ...config.log, format: 'text' as const } } };
  const log = createNodeLogger(project, 'dev');
  for (const warning of project.warnings) log.warn(warning);
  const pushServers = Array.from({ length: config.serverWorkers }, (_, index) => ({
    tier: 'push-server' as const,
    index,
  }));
  const nodes: TierNode[] = [...pushServers, { tier: 'agent' as const, index: 0 }].map((node) => ({
    ...node,
    sharePort: false,
  }));

  const start = async () => {
    const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
    try {
      for (const node of nodes) {
        const running = await startTier(project, node, createNodeLogger(project, nameOf(project, node)));
        lifetime.opened(nameOf(project, node), running.close);
      }
    } catch (error) {
      await lifetime.close();
      throw error;
    }
    announce(project, log);
    return lifetime;
  };
  await runProcess(start, stopDeadlineMs(project, 'agent') + stopDeadlineMs(project, 'push-server'), log);
}
