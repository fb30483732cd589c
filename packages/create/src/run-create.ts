import { relative, resolve } from 'node:path';
import { canAsk, choose, confirm } from './ask.ts';
import { CreateError } from './create-error.ts';
import { type Created, createProject } from './create-project.ts';
import { type PackageManager, templateNames } from './names.ts';
import { detectPackageManager, runCommand, runPackageManager } from './package-manager.ts';
import { isEmptyFolder } from './project-files.ts';
import { hasPackage } from './project-package.ts';
import { type CreateFlags, readFlags, usage } from './read-flags.ts';

/** `gopush-create`: runs it with these arguments and sets the exit code. */
export async function runCreate(args: readonly string[]): Promise<void> {
  try {
    const flags = readFlags(args);
    if (flags === 'help') process.stdout.write(usage);
    else process.exitCode = await create(flags);
  } catch (error) {
    // A bug is shown with its stack.
    const known = error instanceof CreateError;
    process.stderr.write(known ? `gopush-create: ${error.message}\n` : `${(error as Error).stack ?? String(error)}\n`);
    process.exitCode = known ? error.exitCode : 1;
  }
}

/** Creates a project, installs it and starts it, as far as that is wanted. @returns the exit code */
export async function create(flags: CreateFlags): Promise<number> {
  const { dir, force, yes, packageManager = detectPackageManager() } = flags;
  // A project that exists decides these things itself.
  const isNew = !(await hasPackage(resolve(dir)));
  const asks = !yes && isNew && canAsk();
  const choosesTemplate = asks && isEmptyFolder(resolve(dir));
  const template =
    flags.template ?? (choosesTemplate ? await choose('What do you want to begin with?', templateNames) : 'minimal');
  const typescript = flags.typescript ?? (asks && (await choose('In which language?', languages)) === 'typescript');
  const created = await createProject({ dir, template, typescript, force, packageManager });
  print(created);
  const isInstalled = flags.install && isNew && (yes || asks);
  if (isInstalled) await install(dir, packageManager);
  if (isInstalled && asks && (await confirm('Start it now?'))) {
    return (await runPackageManager(packageManager, ['run', created.scripts.dev], dir)) ?? 1;
  }
  printNext(dir, created, packageManager, isInstalled);
  return 0;
}

const languages = { javascript: 'runs as it is', typescript: 'with types of hooks, settings and events' } as const;

/** @throws CreateError if the packages could not be installed */
async function install(dir: string, packageManager: PackageManager): Promise<void> {
  const again = `the project is complete; install its packages with: ${packageManager} install`;
  process.stdout.write(`\n${packageManager} install\n`);
  // npm would print about funds, and look up audits for longer than it installs.
  const quiet = packageManager === 'npm' ? ['--no-fund', '--no-audit'] : [];
  const code = await runPackageManager(packageManager, ['install', ...quiet], dir);
  if (code === undefined) throw new CreateError(1, `${packageManager} is not installed; ${again}`);
  if (code !== 0) throw new CreateError(1, `${packageManager} install failed; ${again}`);
}

function print({ written, kept, left }: Created): void {
  const show = (path: string): string => relative(process.cwd(), path) || '.';
  for (const path of written) process.stdout.write(`  wrote ${show(path)}\n`);
  for (const path of kept) process.stdout.write(`  kept  ${show(path)} (--force overwrites)\n`);
  for (const { path, why } of left) process.stdout.write(`  no    ${show(path)}: ${why}\n`);
}

/** Prints what to type next. */
function printNext(dir: string, { scripts }: Created, packageManager: PackageManager, isInstalled: boolean): void {
  const run = (script: string): string => runCommand(packageManager, script);
  const next = [
    ...(dir === '.' ? [] : [`cd ${dir}`]),
    ...(isInstalled ? [] : [`${packageManager} install`]),
    `${run(scripts.dev)}      # for development; open http://localhost:6003`,
    `${run(scripts.start)}        # as configured: each agent and push-server in its own process`,
  ];
  process.stdout.write(`\nNext:\n${next.map((line) => `  ${line}\n`).join('')}`);
}
