/**
 * One process of a tier, started by pm2 or our supervisor. It reads its role from the environment: under pm2 the
 * arguments are pm2's own.
 */
import { CommandError, sayError } from './command-error.ts';
import { consoleToLog } from './console-to-log.ts';
import { answerOwners, reportOwners } from './hand-offs/tell-owners.ts';
import { startHeartbeat } from './heartbeat.ts';
import { loadProject } from './project.ts';
import { runProcess } from './run-process.ts';
import { startTier } from './start-tier.ts';
import { isTier, tiers } from './tier-names.ts';
import { createNodeLogger, nameOf, stopDeadlineMs, writesJson } from './tiers.ts';

const { GOPUSH_TIER: tier, GOPUSH_DIR: dir = process.cwd(), GOPUSH_INDEX, NODE_APP_INSTANCE } = process.env;

// pm2 has no use for it.
if (GOPUSH_INDEX !== undefined) startHeartbeat();

try {
  if (!isTier(tier)) throw new CommandError(2, `GOPUSH_TIER: found ${tier ?? 'nothing'}, wanted ${tiers.join(' or ')}`);
  const index = Number(GOPUSH_INDEX ?? NODE_APP_INSTANCE ?? 0);
  const project = await loadProject({ dir });
  const log = createNodeLogger(project, nameOf(project, { tier, index }));
  if (writesJson(project)) consoleToLog(log);
  if (index === 0) for (const warning of project.warnings) log.warn(warning);
  const { routing, serverWorkers } = project.config;
  if (tier === 'push-server' && index >= serverWorkers && !routing.discover) {
    log.warn(
      { index, serverWorkers },
      'no agent knows this push-server: set routing.discover to true, or serverWorkers to the number of push-servers',
    );
  }
  const node = { tier, index, sharePort: GOPUSH_INDEX === undefined };
  // A terminal that closes tells its whole process group: the parent then stops the tiers in order.
  const hangup = process.connected ? 'leave' : 'stop';
  const start = async () => {
    const running = await startTier(project, node, log);
    // Only what is handed over has owners: without it pm2 shows no metrics.
    if (GOPUSH_INDEX !== undefined) answerOwners(running);
    else if (project.config.handOff.enabled) reportOwners(running);
    return running;
  };
  await runProcess(start, stopDeadlineMs(project, tier), log, hangup);
} catch (error) {
  process.exit(sayError('gopush', error));
}
