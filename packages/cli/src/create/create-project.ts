import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CommandError } from '../command-error.ts';
import { addHook, type Language } from './add-hook.ts';
import { addSecret } from './add-secret.ts';
import { ecosystem } from './ecosystem.ts';
import { readTemplate } from './templates.ts';

/** What `gopush-create` is asked for. */
export interface CreateOptions {
  /** The project's folder; made where it is not there. */
  readonly dir: string;
  readonly typescript: boolean;
  /** Whether files that are there are overwritten. */
  readonly force: boolean;
}

/** What was done. */
export interface Created {
  /** The folder with config and hooks: the project itself, or `gopush/` in one that was there before. */
  readonly dir: string;
  /** Whether this is a project of its own. */
  readonly whole: boolean;
  readonly written: readonly string[];
  /** Files that were there already and stayed as they were. */
  readonly kept: readonly string[];
  /** The npm scripts to use. */
  readonly scripts: { readonly dev: string; readonly start: string; readonly check: string };
}

interface Package {
  readonly name?: string;
  readonly type?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Makes a project: whole in an empty folder, as a `gopush/` folder in one that has a package.json. */
export async function createProject(options: CreateOptions): Promise<Created> {
  const root = resolve(options.dir);
  const existing = await readPackage(join(root, 'package.json'));
  const whole = existing === undefined || existing.scripts?.dev === 'gopush dev';
  const dir = whole ? root : join(root, 'gopush');
  const language: Language = options.typescript ? 'ts' : !whole && existing?.type !== 'module' ? 'mjs' : 'js';
  const written: string[] = [];
  const kept: string[] = [];
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeFile(path, text, { flag: options.force ? 'w' : 'wx' });
      written.push(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      kept.push(path);
    }
  };

  const schema = `${whole ? '..' : '../..'}/node_modules/gopush/dist/config.schema.json`;
  for (const environment of ['local', 'production']) {
    const config = await readTemplate(`project/config/${environment}.json`);
    const path = join(dir, 'config', `${environment}.json`);
    await put(path, config.replace('{schema}', schema));
    // Only with settings of our own: a secret changes what runs.
    const secret = written.includes(path) ? await addSecret(dir, environment) : undefined;
    if (secret !== undefined) written.push(secret);
    for (const hook of ['agent', 'onupgrade', 'router'] as const) {
      await addHook({ dir, hook, environment, language, put });
    }
  }
  await put(join(dir, 'public', 'index.html'), await readTemplate('project/public/index.html'));
  const name = existing?.name ?? packageName(root);
  await put(join(dir, 'ecosystem.config.cjs'), await ecosystem(name));
  if (whole) {
    const pkg = (await readTemplate('project/package.json'))
      .replace('{name}', name)
      .replace('{version}', await ownVersion());
    await put(join(root, 'package.json'), pkg);
    await put(join(root, '.gitignore'), 'node_modules/\n.gopush/\n*.log\n');
    await put(join(root, 'README.md'), await readTemplate('project/README.md'));
    return { dir, whole, written, kept, scripts: { dev: 'dev', start: 'start', check: 'check' } };
  }
  await addScripts(join(root, 'package.json'), options.force, written, kept);
  return { dir, whole, written, kept, scripts: { dev: 'gopush:dev', start: 'gopush', check: 'gopush:check' } };
}

const scripts = {
  gopush: 'gopush --dir gopush start',
  'gopush:dev': 'gopush --dir gopush dev',
  'gopush:check': 'gopush --dir gopush check',
  'gopush:pm2': 'gopush --dir gopush pm2',
};

/** Adds our scripts and the dependency to a package.json, in its own indentation. */
async function addScripts(path: string, force: boolean, written: string[], kept: string[]): Promise<void> {
  const text = await readFile(path, 'utf8');
  const pkg = JSON.parse(text) as Package;
  const all: Record<string, string> = { ...pkg.scripts };
  for (const [name, command] of Object.entries(scripts)) {
    if (all[name] !== undefined && all[name] !== command && !force) kept.push(`${path}: script ${name}`);
    else all[name] = command;
  }
  const dependencies = { ...pkg.dependencies, gopush: pkg.dependencies?.gopush ?? `^${await ownVersion()}` };
  const indent = /^[\t ]+(?=")/m.exec(text)?.[0] ?? 2;
  await writeFile(path, `${JSON.stringify({ ...pkg, scripts: all, dependencies }, null, indent)}\n`);
  written.push(path);
}

async function readPackage(path: string): Promise<Package | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Package;
  } catch {
    throw new CommandError(2, `${path}: found a mistake in the syntax, wanted JSON`);
  }
}

/** The version of gopush that makes the project, which is the one it depends on. */
async function ownVersion(): Promise<string> {
  const pkg = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return pkg.version;
}

/** The name of the project in this folder, or of the one whose `gopush/` folder it is. */
export async function projectName(dir: string): Promise<string> {
  const own = await readPackage(join(dir, 'package.json'));
  const around = own ?? (basename(dir) === 'gopush' ? await readPackage(join(dir, '..', 'package.json')) : undefined);
  return around?.name ?? packageName(dir);
}

/** A name that npm takes, after the folder. */
function packageName(root: string): string {
  return (
    basename(root)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[._-]+/, '') || 'gopush-project'
  );
}
