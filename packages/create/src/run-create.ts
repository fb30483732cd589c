import { relative, resolve } from 'node:path';
import { canAsk, choose, confirm } from './ask.ts';
import { CreateError } from './create-error.ts';
import { type Created, createProject } from './create-project.ts';
import { type PackageManager, type TemplateName, templateNames } from './names.ts';
import { detectPackageManager, packageManagerOf, runCommand, runPackageManager } from './package-manager.ts';
import { isEmptyFolder } from './project-files.ts';
import { hasPackage } from './project-package.ts';
import { type CreateFlags, readFlags, usage } from './read-flags.ts';

/** `gopush-create`: runs it with these arguments and sets the exit code. */
export async function runCreate(args: readonly string[]): Promise<void> {
  // Who reads the output may have read enough, as `head` has; the project is created nevertheless.
  process.stdout.on('error', () => {});
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
  const { dir, force, yes } = flags;
  // A project that exists decides these things itself.
  const isNew = !(await hasPackage(resolve(dir)));
  const packageManager =
    flags.packageManager ?? (isNew ? undefined : await packageManagerOf(resolve(dir))) ?? detectPackageManager();
  const asks = !yes && isNew && canAsk();
  const choosesTemplate = asks && isEmptyFolder(resolve(dir));
  const template =
    flags.template ?? (choosesTemplate ? await choose('What do you want to begin with?', templateNames) : 'minimal');
  const typescript = flags.typescript ?? (asks && (await choose('In which language?', languages)) === 'typescript');
  const created = await createProject({ dir, template, typescript, force, packageManager }).catch(refuse);
  print(created);
  const isInstalled = flags.install && isNew && (yes || asks);
  if (isInstalled) await install(dir, packageManager);
  if (isInstalled && asks && (await confirm('Start it now?'))) {
    return (await runPackageManager(packageManager, ['run', created.scripts.dev], dir)) ?? 1;
  }
  printNext({ dir, created, template, packageManager, isInstalled });
  return 0;
}

/** A folder that may not be written, or a full disk, is no bug: the message says what the system refused, and where. */
function refuse(error: NodeJS.ErrnoException): never {
  throw error.syscall === undefined ? error : new CreateError(1, error.message);
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
function printNext(options: {
  readonly dir: string;
  readonly created: Created;
  readonly template: TemplateName;
  readonly packageManager: PackageManager;
  readonly isInstalled: boolean;
}): void {
  const { dir, created, template, packageManager, isInstalled } = options;
  const dev = runCommand(packageManager, created.scripts.dev);
  const start = runCommand(packageManager, created.scripts.start);
  const width = Math.max(dev.length, start.length);
  const what =
    template === 'proxy'
      ? 'only the gateway: your own back ends have to run'
      : 'as configured: each agent and push-server in its own process';
  const next = [
    ...(dir === '.' ? [] : [`cd ${asWord(dir)}`]),
    ...(isInstalled ? [] : [`${packageManager} install`]),
    `${dev.padEnd(width)}      # for development; open http://localhost:6003`,
    `${start.padEnd(width)}      # ${what}`,
  ];
  process.stdout.write(`\nNext:\n${next.map((line) => `  ${line}\n`).join('')}`);
}

/** A path as it is typed in a shell: quoted if the shell would read more than a word. */
function asWord(path: string): string {
  if (/^[\p{L}\p{N}/._+@%:\\-]+$/u.test(path)) return path;
  return process.platform === 'win32' ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
}
