import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFolder } from '../package-folder.ts';

/** The projects that can be created, with what they are. The first one is the default. */
export const templateNames = {
  minimal: 'rooms and push, and a page to try them',
  chat: 'accounts and sign-in by REST, rooms with history over Socket.IO',
  proxy: 'a gateway for your own HTTP and WebSocket servers',
  notify: 'POST a message to every open page: Socket.IO, WebSocket, SSE',
} as const;

/** The name of a template. */
export type TemplateName = keyof typeof templateNames;

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
  const root = join(folder, name);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length).replace(/^\//, '').replaceAll('\\', '/'))
    .sort();
}
