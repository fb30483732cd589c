import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CreateError } from './create-error.ts';
import { packageFolder } from './package-folder.ts';

/** The parts of a package.json that are read. */
export interface Package {
  readonly name?: string;
  readonly type?: string;
  readonly packageManager?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Reads a package.json; `undefined`: there is none. */
export async function readPackage(path: string): Promise<Package | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Package;
  } catch {
    throw new CreateError(2, `${path}: found a syntax error, wanted JSON`);
  }
}

/** The version of gopush that creates the project, on which the project depends. */
export async function ownVersion(): Promise<string> {
  const pkg = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  return pkg.version;
}

/** The name of the project in this folder, or of the project whose `gopush/` folder this is. */
export async function projectName(dir: string): Promise<string> {
  const own = await readPackage(join(dir, 'package.json'));
  const around = own ?? (basename(dir) === 'gopush' ? await readPackage(join(dir, '..', 'package.json')) : undefined);
  return around?.name ?? packageName(dir);
}

/** A name that npm takes, after the folder. */
export function packageName(root: string): string {
  return (
    basename(root)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[._-]+/, '') || 'gopush-project'
  );
}

/** Whether a folder has a package.json. */
export async function hasPackage(dir: string): Promise<boolean> {
  return (await readPackage(join(dir, 'package.json'))) !== undefined;
}
