import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type AddHookOptions, addHook, type Language } from './add-hook.ts';
import { addSecret } from './add-secret.ts';
import { CreateError } from './create-error.ts';
import { ecosystem } from './ecosystem.ts';
import { type ExistingHooks, listHooks } from './existing-hooks.ts';
import { inCommandsOf } from './in-commands-of.ts';
import { withoutTypes } from './in-language.ts';
import type { PackageManager, TemplateName } from './names.ts';
import { filesFor, packageFor } from './package-manager.ts';
import { createFiles, entriesOf, isEmptyFolder, type LeftOut, type ProjectFiles } from './project-files.ts';
import { ownVersion, type Package, packageName, readPackage } from './project-package.ts';
import { readTemplate } from './templates.ts';
import { ignored, writeTemplate } from './write-template.ts';

/** What is created, and where. */
export interface CreateOptions {
  /** The project's folder; made if it is not there. */
  readonly dir: string;
  readonly typescript: boolean;
  /** Whether files that are there are overwritten. */
  readonly force: boolean;
  /** @defaultValue `'minimal'`, the only one for a folder with files in it */
  readonly template?: TemplateName;
  /** The package manager that the project is for. @defaultValue `'npm'` */
  readonly packageManager?: PackageManager;
}

/** Result of `gopush-create`. */
export interface Created {
  /** The folder with config and hooks: the project itself, or `gopush/` in an existing project. */
  readonly dir: string;
  readonly written: readonly string[];
  /** Files that were there already and stayed as they were. */
  readonly kept: readonly string[];
  /** Files that were not created, since they would change what runs. */
  readonly left: readonly LeftOut[];
  /** The npm scripts to use. */
  readonly scripts: { readonly dev: string; readonly start: string; readonly check: string };
}

/**
 * Creates a project: a whole one in an empty folder, a `gopush/` folder in one with a package.json, or what is missing in one that is a project
 * of gopush already. It never changes what runs: files that would override existing ones are left out.
 */
export async function createProject(options: CreateOptions): Promise<Created> {
  const { template = 'minimal', packageManager = 'npm', typescript, force } = options;
  const root = resolve(options.dir);
  if (template !== 'minimal') {
    if (!isEmptyFolder(root) && !force)
      throw new CreateError(
        2,
        `${options.dir}: found files, wanted an empty folder for the template ${template}; --force overwrites files`,
      );
    const files = createFiles(force);
    await writeTemplate({ root, template, typescript, packageManager, files });
    await writeFilesFor(packageManager, root, files);
    return result(root, files);
  }
  const existing = await readPackage(join(root, 'package.json'));
  const whole = existing === undefined || isOwnProject(existing);
  const inRoot = whole || hasHooks(root);
  const dir = inRoot ? root : join(root, 'gopush');
  const isModule = existing === undefined ? !hasScripts(root) : existing.type === 'module';
  const language: Language = typescript ? 'ts' : isModule ? 'js' : 'mjs';
  const files = createFiles(force);
  await writeEnvironments(dir, inRoot ? '..' : '../..', language, files);
  const name = existing?.name ?? packageName(root);
  await writePage(dir, files);
  await writeEcosystem(dir, name, files);
  if (!whole) {
    const scripts = scriptsFor(inRoot ? '' : '--dir gopush ');
    await addScripts(join(root, 'package.json'), scripts, force, files);
    return result(dir, files, { dev: 'gopush:dev', start: 'gopush', check: 'gopush:check' });
  }
  await files.ignore(root, ignored);
  if (existing === undefined) await writeOwnFiles(root, name, { typescript, isModule, packageManager }, files);
  // It may be of another template, and has the libraries of the project's own code.
  else files.left.push({ path: join(root, 'package.json'), why: 'the project has one' });
  return result(root, files);
}

/** Whether gopush-create made a project, from whichever template. */
function isOwnProject({ scripts }: Package): boolean {
  return scripts?.dev === 'gopush dev' || scripts?.start === 'gopush start';
}

/** What only a new project gets: package.json, README, its test, files of the package manager. */
async function writeOwnFiles(
  root: string,
  name: string,
  options: { readonly typescript: boolean; readonly isModule: boolean; readonly packageManager: PackageManager },
  files: ProjectFiles,
): Promise<void> {
  const { typescript, isModule, packageManager } = options;
  await writeTest(root, typescript, isModule, files);
  await writeFilesFor(packageManager, root, files);
  const pkg = (await readTemplate('project/package.json'))
    .replace('{name}', name)
    .replace('{version}', await ownVersion());
  const typed = typescript ? pkg : withoutTypes(pkg);
  // Other scripts in this folder were written without it.
  const text = isModule ? typed : typed.replace('  "type": "module",\n', '');
  await files.put(join(root, 'package.json'), packageFor(packageManager, text));
  const readme = await readTemplate('project/README.md');
  await files.put(join(root, 'README.md'), inCommandsOf(packageManager, readme));
}

function result(
  dir: string,
  { written, kept, left }: ProjectFiles,
  scripts: Created['scripts'] = { dev: 'dev', start: 'start', check: 'check' },
): Created {
  return { dir, written, kept, left, scripts };
}

async function writeFilesFor(packageManager: PackageManager, root: string, files: ProjectFiles): Promise<void> {
  for (const [name, text] of Object.entries(filesFor(packageManager))) await files.put(join(root, name), text);
}

/** The project's own test, and how its types are checked. */
async function writeTest(root: string, typescript: boolean, isModule: boolean, files: ProjectFiles): Promise<void> {
  const test = await readTemplate('project/test/room.test.js');
  await files.put(join(root, 'test', isModule ? 'room.test.js' : 'room.test.mjs'), test);
  if (typescript) await files.put(join(root, 'tsconfig.json'), await readTemplate('project/tsconfig.json'));
}

/** Settings, hooks and a secret for each environment. */
async function writeEnvironments(dir: string, up: string, language: Language, files: ProjectFiles): Promise<void> {
  const schema = `${up}/node_modules/gopush/dist/config.schema.json`;
  const hooks = listHooks(dir);
  for (const environment of ['local', 'production']) {
    const path = join(dir, 'config', `${environment}.json`);
    const isNew = !existsSync(path);
    const config = await readTemplate(`project/config/${environment}.json`);
    await files.put(path, config.replace('{schema}', schema));
    // Only with settings of our own: others may run with machines that have none.
    const secret = isNew ? await addSecret(dir, environment) : undefined;
    if (secret !== undefined) files.written.push(secret);
    await writeHooks({ dir, environment, language, put: files.put }, hooks, isNew, files.left);
  }
}

/** The hooks of an environment that do not change existing decisions. */
async function writeHooks(
  options: Omit<AddHookOptions, 'hook'>,
  hooks: ExistingHooks,
  isNew: boolean,
  left: LeftOut[],
): Promise<void> {
  const { dir, environment } = options;
  const known = hooks.find('agent', environment) ?? hooks.find('onupgrade', environment);
  for (const hook of ['agent', 'onupgrade', 'router'] as const) {
    const there = hooks.find(hook, environment);
    const path = join(dir, hooks.folder, `${hook}.${environment}.*`);
    if (there?.isGeneral) {
      left.push({ path, why: `it would replace ${there.file}, which serves environment ${environment}` });
    } else if (there !== undefined || (known === undefined && isNew)) {
      await addHook({ ...options, hook });
    } else {
      // Clients are identified in another way, or none are admitted.
      const why =
        known === undefined ? 'there are settings, but no hooks' : `${known.file} already decides who clients are`;
      left.push({ path, why: `${why}; gopush add hook ${hook} creates it` });
    }
  }
}

/** The page to try it; in a folder that is there it would be shown among pages that are not ours. */
async function writePage(dir: string, files: ProjectFiles): Promise<void> {
  const path = join(dir, 'public', 'index.html');
  if (existsSync(dirname(path)) && !existsSync(path)) {
    files.left.push({ path, why: 'public/ exists, with other files' });
  } else await files.put(path, await readTemplate('project/public/index.html'));
}

/** Files that pm2 uses by default. */
const pm2Files = /^(ecosystem|ecosystem\.config|process|pm2)\.([cm]?js|json5?|ya?ml)$/;

async function writeEcosystem(dir: string, name: string, files: ProjectFiles): Promise<void> {
  const path = join(dir, 'ecosystem.config.cjs');
  const other = entriesOf(dir).find((entry) => pm2Files.test(entry) && join(dir, entry) !== path);
  if (other === undefined || existsSync(path)) await files.put(path, await ecosystem(name));
  else files.left.push({ path, why: `pm2 uses ${other}; gopush pm2 start creates it` });
}

/** Whether a folder is a project of gopush: it has a hook that identifies clients. */
function hasHooks(dir: string): boolean {
  const hooks = listHooks(dir);
  return ['local', 'production'].some(
    (environment) => (hooks.find('agent', environment) ?? hooks.find('onupgrade', environment)) !== undefined,
  );
}

/** Whether a folder without a package.json has scripts, which are CommonJS then. */
function hasScripts(dir: string): boolean {
  return ['', 'hook', 'hooks', 'lib', 'src'].some((folder) =>
    entriesOf(join(dir, folder)).some((entry) => entry.endsWith('.js')),
  );
}

function scriptsFor(where: string): Readonly<Record<string, string>> {
  const commands = { gopush: 'start', 'gopush:dev': 'dev', 'gopush:check': 'check', 'gopush:pm2': 'pm2' };
  return Object.fromEntries(Object.entries(commands).map(([name, command]) => [name, `gopush ${where}${command}`]));
}

/** Adds our scripts and the dependency to a package.json, in its own indentation. */
async function addScripts(
  path: string,
  scripts: Readonly<Record<string, string>>,
  force: boolean,
  { written, kept }: ProjectFiles,
): Promise<void> {
  const text = await readFile(path, 'utf8');
  const pkg = JSON.parse(text) as Package;
  const all: Record<string, string> = { ...pkg.scripts };
  for (const [name, command] of Object.entries(scripts)) {
    if (all[name] !== undefined && all[name] !== command && !force) kept.push(`${path}: script ${name}`);
    else all[name] = command;
  }
  // Wherever it is named already, its version is the project's choice.
  const isNamed = [pkg.dependencies, pkg.devDependencies, pkg.optionalDependencies].some(
    (one) => one?.gopush !== undefined,
  );
  const more = isNamed ? {} : { dependencies: { ...pkg.dependencies, gopush: `^${await ownVersion()}` } };
  const indent = /^[\t ]+(?=")/m.exec(text)?.[0] ?? 2;
  await writeFile(path, `${JSON.stringify({ ...pkg, scripts: all, ...more }, null, indent)}\n`);
  written.push(path);
}
