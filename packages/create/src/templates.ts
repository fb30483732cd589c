import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemplateName, templateNames } from './names.ts';
import { packageFolder } from './package-folder.ts';

/** Whether some text names a template. */
export function isTemplate(text: string): text is TemplateName {
  return Object.hasOwn(templateNames, text);
}

/**
 * The folder of the templates: beside this package's code when it is installed, at the top of the workspace when it is developed. There a copy
 * made for packing may lie beside the code as well, and be old.
 */
const inWorkspace = existsSync(join(packageFolder, 'src'));
const folder = join(packageFolder, inWorkspace ? '../../templates' : 'templates');

/** Reads a template by its path under `templates/`. */
export function readTemplate(path: string): Promise<string> {
  return readFile(join(folder, path), 'utf8');
}

/** The paths of all files of a template, as in the project. */
export async function listTemplate(name: string): Promise<readonly string[]> {
  const paths: string[] = [];
  for await (const path of walk(join(folder, name), '')) paths.push(path);
  return paths.sort();
}

/** Not `readdir` with `recursive`: if Yarn runs packages in their archives, that takes folders for files. */
async function* walk(dir: string, prefix: string): AsyncGenerator<string> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* walk(join(dir, entry.name), `${prefix}${entry.name}/`);
    else yield prefix + entry.name;
  }
}
