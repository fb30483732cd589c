import { relative } from 'node:path';
import { CertificateError, loadCertificate, type TlsConfig } from '@gopush/agent/for-checks';
import type { Config } from '@gopush/contract';
import type { CheckedHook } from '@gopush/hooks';
import { locateRedisFiles } from '@gopush/store';
import { checkFolders } from '../check/check-files.ts';
import { checkHandOff } from '../check/check-hand-off.ts';
import { checkHookNames } from '../check/check-hook-names.ts';
import { checkPorts } from '../check/check-ports.ts';
import { checkReach } from '../check/check-reach.ts';
import { checkRedis } from '../check/check-redis.ts';
import { checkTargets } from '../check/check-targets.ts';
import { checkVariables } from '../check/check-variables.ts';
import { type Finding, printFindings } from '../check/finding.ts';
import { type CheckedHooks, checkHooksApart } from '../check-hooks-apart.ts';
import { CommandError } from '../command-error.ts';
import { loadProject, type Project, type ProjectOptions } from '../project.ts';
import { type Tier, tiers } from '../tier-names.ts';

/** Options of `gopush check`. */
export interface CheckOptions extends ProjectOptions {
  /** Check only what processes of this tier need. @defaultValue both tiers */
  readonly tier?: Tier | undefined;
  /** Whether the ports must be free; not so while the project runs. */
  readonly ports: boolean;
  /** Check only what prevents processes from starting: settings, certificate, hooks. @defaultValue false */
  readonly build?: boolean;
  /** Print the findings as JSON instead of lines for people. @defaultValue false */
  readonly json?: boolean;
}

/** `gopush check`: settings, certificate, hooks, folders, ports, targets and Redis, a line each. */
export async function check({ tier, ports, build = false, json = false, ...options }: CheckOptions): Promise<void> {
  const findings: Finding[] = [];
  try {
    const project = await loadProject(options);
    const wanted = tier === undefined ? tiers : [tier];
    const { findings: first, hooks } = await inspectBuild(project, wanted);
    findings.push(...first, ...(build ? [] : await inspectSurroundings(project, hooks, wanted, ports)));
  } catch (error) {
    if (!json || !(error instanceof CommandError)) throw error;
    // Each line of the message is one setting.
    for (const detail of error.message.split('\n')) findings.push({ what: 'config', state: 'wrong', detail });
  }
  const wrong = findings.filter((finding) => finding.state === 'wrong');
  if (json) process.stdout.write(`${JSON.stringify({ ok: wrong.length === 0, findings })}\n`);
  else printFindings(findings);
  if (wrong.length === 0) return;
  const isOfFiles = wrong.some(({ what }) => /^(config|hook|certificate|environment)/.test(what));
  throw new CommandError(isOfFiles ? 2 : 1, json ? '' : `${wrong.length} wrong`);
}

/** Checks settings, certificate and hooks, which have to be right before running processes are replaced. */
export async function checkBuild(project: Project): Promise<readonly Finding[]> {
  return (await inspectBuild(project, tiers)).findings;
}

async function inspectBuild(
  project: Project,
  wanted: readonly Tier[],
): Promise<{ readonly findings: Finding[]; readonly hooks: CheckedHooks }> {
  const { dir, environment, config } = project;
  const { tls } = config.agent;
  const certificate = tls === null || !wanted.includes('agent') ? [] : [await checkCertificate(tls, dir)];
  const all = await checkHooksApart({ dir, environment });
  const hooks: CheckedHooks = {
    agent: wanted.includes('agent') ? all.agent : [],
    targets: wanted.includes('agent') ? all.targets : [],
    isPublic: all.isPublic,
    server: wanted.includes('push-server') ? all.server : [],
  };
  const findings: Finding[] = [
    { what: 'config', state: 'ok', detail: `environment ${environment}` },
    ...project.warnings.map((detail): Finding => ({ what: 'config', state: 'warning', detail })),
    ...checkSecrets(config),
    ...checkReach(config),
    ...certificate,
    ...hooks.agent.map((hook) => (isMissing(hook, hooks) ? missingAgent : findingOf(hook))),
    // Most projects need no server hook: a missing one is not reported.
    ...hooks.server.filter(({ file }) => file !== undefined).map(findingOf),
  ];
  return { findings, hooks };
}

/** Checks what may be wrong although the project can be started. */
async function inspectSurroundings(
  { dir, config }: Project,
  hooks: CheckedHooks,
  wanted: readonly Tier[],
  ports: boolean,
): Promise<Finding[]> {
  const inputs = [...hooks.agent, ...hooks.server].flatMap(({ inputs: files = [] }) => files);
  const { redisAdapter } = config;
  const [names, variables, listening, redis, folders, handOff, targets] = await Promise.all([
    checkHookNames(dir, inputs),
    checkVariables(inputs, process.env),
    ports ? checkPorts(config, wanted) : [],
    redisAdapter === null ? [] : checkRedis(locateRedisFiles(redisAdapter, dir)).then((finding) => [finding]),
    wanted.includes('push-server') && config.serverWorkers > 0 ? checkFolders(config, dir) : [],
    checkHandOff(config, dir),
    checkTargets(hooks.targets, config),
  ]);
  return [...doubtsOf(hooks), ...names, ...variables, ...listening, ...redis, ...folders, ...handOff, ...targets];
}

/** Hooks that can be loaded, and refuse everyone. */
function doubtsOf(hooks: CheckedHooks): Finding[] {
  return [...hooks.agent, ...hooks.server].flatMap(({ name, doubt }): Finding[] =>
    doubt === undefined ? [] : [{ what: `hook ${name}`, state: 'wrong', detail: doubt }],
  );
}

/** Whether clients have to be identified and no hook does that. */
function isMissing({ name, file, problem }: CheckedHook, { agent, isPublic }: CheckedHooks): boolean {
  const hasOther = agent.some((hook) => hook.name === 'onupgrade' && hook.file !== undefined);
  return name === 'agent' && file === undefined && problem === undefined && !isPublic && !hasOther;
}

const missingAgent: Finding = {
  what: 'hook agent',
  state: 'wrong',
  detail: 'it is missing, so every client is refused; create one with: gopush add hook agent',
};

function checkSecrets({ access, serverWorkers }: Config): Finding[] {
  if (access.secrets.length > 0 || serverWorkers === 0) return [];
  const detail =
    'access.secrets: none is set, so push-servers trust every program of this machine; create one with: gopush add secret';
  return [{ what: 'config', state: 'warning', detail }];
}

function findingOf({ name, file, problem }: CheckedHook): Finding {
  const what = `hook ${name}`;
  if (problem !== undefined) return { what, state: 'wrong', detail: problem };
  if (file === undefined)
    return { what, state: 'warning', detail: `it is missing; create one with: gopush add hook ${name}` };
  return { what, state: 'ok', detail: relative(process.cwd(), file) };
}

async function checkCertificate(tls: TlsConfig, dir: string): Promise<Finding> {
  const what = 'certificate';
  try {
    const { validTo } = await loadCertificate(tls, dir);
    const until = validTo.toISOString();
    return validTo.getTime() < Date.now()
      ? { what, state: 'warning', detail: `${tls.certFile} expired on ${until}` }
      : { what, state: 'ok', detail: `${tls.certFile}, valid until ${until}` };
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { what, state: 'wrong', detail: error.message };
  }
}
