import type { Logger } from '@gopush/service';
import type { CountsOwners } from './hand-offs/owners.ts';
import type { Project } from './project.ts';
import type { Running } from './run-process.ts';
import { nameOf, type TierNode } from './tiers.ts';

/** Starts a tier in this process. Only the package of that tier is loaded: an agent does not need Socket.IO in its memory. */
export async function startTier(
  project: Project,
  node: TierNode,
  logger: Logger,
): Promise<Running & CountsOwners & { readonly url: string }> {
  const { config, dir, environment } = project;
  const common = { config, hooks: { dir, environment }, index: node.index, node: nameOf(project, node), logger };
  if (node.tier === 'agent') {
    const { startAgent } = await import('@gopush/agent');
    return startAgent({ ...common, dir, exclusive: false });
  }
  const { startPushServer } = await import('@gopush/push-server');
  return startPushServer({ ...common, dir, exclusive: !node.sharePort });
}
