import { createServer } from 'node:net';
import { relative } from 'node:path';
import { CertificateError, loadCertificate, type TlsConfig } from '@gopush/agent';
import type { Config, RedisConfig } from '@gopush/contract';
import type { CheckedHook } from '@gopush/hooks';
import { ListenError, listen } from '@gopush/service';
import {
  createRedisClient,
  explainRedisError,
  followProblems,
  locateRedisFiles,
  type RedisClient,
} from '@gopush/store';
import { checkHooksApart } from '../check-hooks-apart.ts';
import { CommandError } from '../command-error.ts';
import { loadProject, type Project, type ProjectOptions } from '../project.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  /** `warning`: works, but perhaps not as meant. */
  readonly state: 'ok' | 'warning' | 'wrong';
  readonly detail: string;
}

/** What `gopush check` looks at besides settings, certificate and hooks. */
export interface CheckOptions extends ProjectOptions {
  /** Whether the ports must be free; not so while the project runs. */
  readonly ports: boolean;
}

/** `gopush check`: settings, certificate, hooks, ports and Redis, a line each. */
export async function check(options: CheckOptions): Promise<void> {
  const project = await loadProject(options);
  const findings = [...(await checkBuild(project))];
  if (options.ports) findings.push(...(await checkPorts(project.config)));
  if (project.config.redisAdapter !== null)
    findings.push(await checkRedis(locateRedisFiles(project.config.redisAdapter, project.dir)));
  printFindings(findings);
  const wrong = findings.filter((finding) => finding.state === 'wrong');
  if (wrong.length > 0)
    throw new CommandError(wrong.some(({ what }) => /^(hook|certificate)/.test(what)) ? 2 : 1, `${wrong.length} wrong`);
}

/** Settings, certificate and hooks: what must be right before running processes are replaced. */
export async function checkBuild(project: Project): Promise<Finding[]> {
  const config: Finding[] = [
    { what: 'config', state: 'ok', detail: `environment ${project.environment}` },
    ...project.warnings.map((detail): Finding => ({ what: 'config', state: 'warning', detail })),
    ...checkSecrets(project.config),
  ];
  const { tls } = project.config.agent;
  const certificate = tls === null ? [] : [await checkCertificate(tls, project.dir)];
  const { dir, environment } = project;
  const hooks = await checkHooksApart({ dir, environment });
  // Most projects need no server hook: where there is none, there is nothing to say.
  return [
    ...config,
    ...certificate,
    ...hooks.agent.map(findingOf),
    ...hooks.server.filter(({ file }) => file !== undefined).map(findingOf),
  ];
}

function checkSecrets({ access, serverWorkers }: Config): Finding[] {
  if (access.secrets.length > 0 || serverWorkers === 0) return [];
  const detail =
    'access.secrets: there is none, so push-servers believe every program of this machine; make one with: gopush add secret';
  return [{ what: 'config', state: 'warning', detail }];
}

function findingOf({ name, file, problem }: CheckedHook): Finding {
  const what = `hook ${name}`;
  if (problem !== undefined) return { what, state: 'wrong', detail: problem };
  if (file === undefined)
    return { what, state: 'warning', detail: `there is none; make one with: gopush add hook ${name}` };
  return { what, state: 'ok', detail: relative(process.cwd(), file) };
}

async function checkCertificate(tls: TlsConfig, dir: string): Promise<Finding> {
  const what = 'certificate';
  try {
    const { validTo } = await loadCertificate(tls, dir);
    const until = validTo.toISOString();
    return validTo.getTime() < Date.now()
      ? { what, state: 'warning', detail: `${tls.certFile} ended on ${until}` }
      : { what, state: 'ok', detail: `${tls.certFile}, until ${until}` };
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { what, state: 'wrong', detail: error.message };
  }
}

/** Says what was found, to people. */
export function printFindings(findings: readonly Finding[]): void {
  const marks = { ok: '✓', warning: '!', wrong: '✗' };
  for (const { what, state, detail } of findings) process.stdout.write(`${marks[state]} ${what}: ${detail}\n`);
}

async function checkPorts({
  agentPort,
  agent,
  serverPortStart,
  serverWorkers,
  pushServer,
}: Config): Promise<Finding[]> {
  const wanted = [
    { what: 'agent port', port: agentPort, host: agent.host },
    ...Array.from({ length: serverWorkers }, (_, index) => ({
      what: `push-server port`,
      port: serverPortStart + index,
      host: pushServer.host,
    })),
  ];
  return Promise.all(
    wanted.map(async ({ what, port, host }): Promise<Finding> => {
      const server = createServer();
      try {
        await listen(server, { port, exclusive: true, ...(host === undefined ? {} : { host }) });
        return { what, state: 'ok', detail: `${port} is free` };
      } catch (error) {
        if (!(error instanceof ListenError)) throw error;
        return { what, state: 'wrong', detail: error.message };
      } finally {
        server.close();
      }
    }),
  );
}

/** How long Redis may take to answer, in milliseconds. */
const redisTimeoutMs = 3_000;

async function checkRedis(config: RedisConfig): Promise<Finding> {
  const what = 'Redis';
  let client: RedisClient;
  try {
    client = createRedisClient(config, 0);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { what, state: 'wrong', detail: error.message };
  }
  const problem = followProblems(client);
  try {
    await within(tryRedis(client, config.prefix));
    return { what, state: 'ok', detail: 'answers' };
  } catch (error) {
    const detail = problem() ?? (error instanceof Error ? explainRedisError(error) : undefined);
    return { what, state: 'wrong', detail: detail ?? `no answer within ${redisTimeoutMs} ms` };
  } finally {
    client.disconnect();
  }
}

/** Does what push-servers do: an answer to PING alone does not tell that they may, or that it is the master. */
async function tryRedis(client: RedisClient, prefix: string): Promise<void> {
  await client.ping();
  await client.set(`${prefix}:check`, '1', 'PX', redisTimeoutMs);
  await client.publish(`${prefix}:bus:check`, '');
}

/** Rejects without a reason what takes too long. */
async function within(work: Promise<void>): Promise<void> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = setTimeout(reject, redisTimeoutMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(deadline));
}
