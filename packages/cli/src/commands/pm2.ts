import { spawn } from 'node:child_process';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ecosystem as ecosystemText, projectName } from 'gopush-create';
import { printFindings } from '../check/finding.ts';
import { CommandError } from '../command-error.ts';
import { awaitServing, describeFailing } from '../pm2/await-serving.ts';
import { findPm2 } from '../pm2/find-pm2.ts';
import { listProcesses } from '../pm2/list-processes.ts';
import { reloadInOrder } from '../pm2/reload-in-order.ts';
import { loadProject, nameEnvironment, type Project, type ProjectOptions } from '../project.ts';
import { checkBuild } from './check.ts';
import { pm2Actions } from './pm2-actions.ts';

/** pm2 with a project. */
interface Pm2 {
  readonly bin: string;
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** `gopush pm2 <action>`: runs both tiers under pm2 by the project's `ecosystem.config.cjs`. */
export async function pm2(action: string, options: ProjectOptions): Promise<void> {
  if (!pm2Actions.includes(action as (typeof pm2Actions)[number])) {
    throw new CommandError(2, `pm2 ${action}: wanted one of ${pm2Actions.join(', ')}`);
  }
  const { dir, env: asked } = options;
  // A checked project needs no check by its ecosystem file.
  const env = { ...process.env, GOPUSH_ENV: nameEnvironment(asked), GOPUSH_CHECKED: '1' };
  const tool: Pm2 = { bin: findPm2(dir), dir, env };
  switch (action) {
    case 'start':
    case 'reload':
      return startOrReload(action, await loadProject(options), tool);
    case 'stop':
      return stop(tool);
    case 'status':
      return run(tool, ['list']);
    default:
      return run(tool, ['logs']);
  }
}

async function startOrReload(action: 'start' | 'reload', project: Project, tool: Pm2): Promise<void> {
  // pm2 kills the old processes even when the new ones cannot start: reloading a broken project would be an outage.
  const findings = await checkBuild(project);
  if (findings.some((finding) => finding.state === 'wrong')) {
    printFindings(findings);
    throw new CommandError(2, `nothing was ${action === 'start' ? 'started' : 'reloaded'}: fix this first`);
  }
  const ecosystem = join(project.dir, 'ecosystem.config.cjs');
  if (!(await exists(ecosystem))) {
    if (action !== 'start')
      throw new CommandError(1, `${ecosystem} does not exist: nothing was started with gopush pm2 start`);
    await writeFile(ecosystem, await ecosystemText(await projectName(project.dir)));
    process.stdout.write(`wrote ${ecosystem}; commit it\n`);
  }
  const list = () => listProcesses(tool.bin, project.dir, tool.env);
  if (action === 'start') await run(tool, ['start', ecosystem]);
  else {
    await reloadInOrder({
      ...{ ecosystem, env: tool.env, list, handsOver: project.config.handOff.enabled },
      run: (args, env = tool.env) => run({ ...tool, env }, args),
    });
  }
  // How many there are may have been changed by pm2 scale; none at all is no start.
  const failing = await awaitServing(list, 1);
  if (failing.length === 0) return;
  const described = await Promise.all(failing.map(describeFailing));
  throw new CommandError(
    1,
    `pm2 has ${action}ed the project, but not all processes serve. pm2 keeps restarting them; gopush pm2 stop ends that.\n${described.join('\n')}`,
  );
}

/** How often processes are deleted that pm2 has started again meanwhile. */
const stopAttempts = 3;

/**
 * Stops the running processes, not those of the ecosystem file, which reads the settings: a broken project has to stop as well. Agents
 * stop first. pm2 may restart a crash-looping process in the moment in which it deletes it (pm2 7.0.4), or fail because it has just ended, so
 * what is left is deleted again.
 */
async function stop(tool: Pm2): Promise<void> {
  let processes = await listProcesses(tool.bin, tool.dir, tool.env);
  if (processes.length === 0) throw new CommandError(1, `pm2 runs nothing of ${tool.dir}`);
  let failure: unknown;
  for (let attempt = 0; attempt < stopAttempts && processes.length > 0; attempt++) {
    const agentsFirst = processes.toSorted((a, b) => Number(b.tier === 'agent') - Number(a.tier === 'agent'));
    const ids = agentsFirst.map(({ id }) => String(id));
    failure = await run(tool, ['delete', ...ids]).catch((error: unknown) => error);
    processes = await listProcesses(tool.bin, tool.dir, tool.env);
  }
  if (processes.length === 0) return;
  if (failure !== undefined) throw failure;
  const names = processes.map(({ name, id }) => `${name} (${id})`).join(', ');
  throw new CommandError(1, `pm2 keeps restarting ${names}: run gopush pm2 stop again`);
}

function run({ bin, dir, env }: Pm2, args: readonly string[]): Promise<void> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { stdio: 'inherit', env, cwd: dir });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) done();
      else reject(new CommandError(1, `pm2 ${args[0]} ended with ${code}`));
    });
  });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
