import cluster from 'node:cluster';
import type { Logger } from '@gopush/service';
import { adminUrls } from '../api/admin-urls.ts';
import { CommandError } from '../command-error.ts';
import { loadProject, type Project, type ProjectOptions } from '../project.ts';
import { type Running, runProcess } from '../run-process.ts';
import { type Supervisor, startSupervisor } from '../supervisor.ts';
import { isTier, type Tier, tiers } from '../tier-names.ts';
import { createNodeLogger, stopDeadlineMs, writesJson } from '../tiers.ts';

/** `gopush start [agent|push-server]`: runs the configured processes in the foreground. SIGHUP restarts them one after another. */
export async function start(tier: string | undefined, options: ProjectOptions): Promise<void> {
  if (tier !== undefined && !isTier(tier)) {
    throw new CommandError(2, `start ${tier}: wanted ${tiers.join(' or ')}, or nothing for both`);
  }
  const project = await loadProject(options);
  const log = createNodeLogger(project, 'gopush');
  const wanted: readonly Tier[] = tier === undefined ? tiers : [tier];
  // The supervisor kills what is left after the deadline of each tier. This deadline is for a supervisor that hangs.
  const deadlineMs = wanted.reduce((sum, one) => sum + stopDeadlineMs(project, one) + 2_000, 0);
  process.once('exit', () => {
    // The last word: whatever ends this process, no other stays behind.
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL');
  });
  await runProcess(
    async () => {
      const supervisor = await startSupervisor(project, wanted, log);
      if (wanted.includes('agent')) announce(project, log);
      return reloadable(supervisor, project, log);
    },
    deadlineMs,
    log,
    'reload',
  );
}

/** Signals may ask for a reload several times while one is in progress: one more follows, not one for each. */
function reloadable(supervisor: Supervisor, project: Project, log: Logger): Running {
  let last = Promise.resolve();
  let waiting = false;
  const run = async (): Promise<void> => {
    waiting = false;
    const problems = await findProblems(project);
    if (problems.length > 0) {
      log.error({ problems }, 'nothing is reloaded: new processes could not start');
      return;
    }
    log.info('reloading: processes are replaced one by one');
    await supervisor.reload();
    log.info('reloaded');
  };
  return {
    close: supervisor.close,
    reload() {
      if (!waiting) {
        waiting = true;
        last = last.then(run, run);
      }
      return last;
    },
  };
}

/** Finds what would prevent new processes of the project from starting. */
async function findProblems({ dir, environment }: Project): Promise<readonly string[]> {
  try {
    const { checkBuild } = await import('./check.ts');
    const findings = await checkBuild(await loadProject({ dir, env: environment }));
    return findings.filter(({ state }) => state === 'wrong').map(({ what, detail }) => `${what}: ${detail}`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [error.message];
  }
}

/** Says where to go: to people, or in the log if that is all there may be. */
export function announce(project: Pick<Project, 'config'>, log: Logger): void {
  const { agentPort, agent } = project.config;
  if (agentPort === 0) return;
  const ready = `gopush is ready: ${agent.tls === null ? 'http' : 'https'}://${hostOf(agent.host)}:${agentPort}`;
  const [dashboard] = adminUrls(project.config);
  if (writesJson(project)) log.info(dashboard === undefined ? {} : { dashboard }, ready);
  else process.stdout.write(`\n  ${ready}\n${dashboard === undefined ? '' : `  dashboard:       ${dashboard}\n`}\n`);
}

/** Where this machine reaches what listens on `host`: by its name, also if a certificate or a cookie is for that, unless it is not there. */
function hostOf(host = '::'): string {
  if (['0.0.0.0', '::', '127.0.0.1', '::1'].includes(host)) return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
