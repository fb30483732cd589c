import { spawn } from 'node:child_process';
import { access, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { CommandError } from '../command-error.ts';
import { projectName } from '../create/create-project.ts';
import { ecosystem as ecosystemText } from '../create/ecosystem.ts';
import { loadProject, type ProjectOptions } from '../project.ts';
import { checkBuild, printFindings } from './check.ts';
import { pm2Actions } from './pm2-actions.ts';

/** `gopush pm2 <action>`: both tiers under pm2, as the project's `ecosystem.config.cjs` says. */
export async function pm2(action: string, options: ProjectOptions): Promise<void> {
  if (!pm2Actions.includes(action as (typeof pm2Actions)[number])) {
    throw new CommandError(2, `pm2 ${action}: wanted one of ${pm2Actions.join(', ')}`);
  }
  const project = await loadProject(options);
  const bin = findPm2(project.dir);
  const ecosystem = join(project.dir, 'ecosystem.config.cjs');
  if (action === 'start' || action === 'reload') {
    // pm2 kills the old processes even when the new ones cannot start: reloading a broken project would be an outage.
    const findings = await checkBuild(project);
    if (findings.some((finding) => finding.state === 'wrong')) {
      printFindings(findings);
      throw new CommandError(2, `nothing was ${action === 'start' ? 'started' : 'reloaded'}: mend this first`);
    }
  }
  if (!(await exists(ecosystem))) {
    if (action !== 'start')
      throw new CommandError(1, `there is no ${ecosystem}: nothing was started with gopush pm2 start`);
    await writeFile(ecosystem, await ecosystemText(await projectName(project.dir)));
    process.stdout.write(`wrote ${ecosystem}; commit it\n`);
  }
  const env = { ...process.env, GOPUSH_ENV: project.environment };
  switch (action) {
    case 'start':
      return run(bin, ['start', ecosystem], env, project.dir);
    case 'reload':
      return run(bin, ['reload', ecosystem, '--update-env'], env, project.dir);
    case 'stop':
      return run(bin, ['delete', ecosystem], env, project.dir);
    case 'status':
      return run(bin, ['list'], env, project.dir);
    default:
      return run(bin, ['logs'], env, project.dir);
  }
}

/** pm2 is the project's own: which version runs its processes is its choice. */
function findPm2(dir: string): string {
  for (const from of [resolve(dir, 'package.json'), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve('pm2/package.json')), 'bin', 'pm2');
    } catch {
      // Look in the next place.
    }
  }
  throw new CommandError(1, 'pm2 is not installed: npm install pm2');
}

function run(bin: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<void> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { stdio: 'inherit', env, cwd });
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
