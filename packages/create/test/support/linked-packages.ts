import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bin } from '../../../../test/support/cli.ts';

const workspace = fileURLToPath(new URL('../../../../', import.meta.url));

/** Where the workspace has the packages that templates need, by their names. */
const places: Readonly<Record<string, string>> = {
  gopush: 'packages/cli',
  express: 'test/node_modules/express',
  ioredis: 'packages/store/node_modules/ioredis',
  jose: 'test/node_modules/jose',
  'socket.io-client': 'test/node_modules/socket.io-client',
  ws: 'test/node_modules/ws',
  '@types/express': 'test/node_modules/@types/express',
  '@types/node': 'node_modules/@types/node',
  '@types/ws': 'test/node_modules/@types/ws',
};

/**
 * Makes the `node_modules` of all projects below a folder, without the registry: the packages are those of the workspace.
 *
 * @returns the folder of its commands, for PATH
 */
export async function linkPackages(folder: string): Promise<string> {
  const modules = join(folder, 'node_modules');
  for (const [name, place] of Object.entries(places)) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(workspace, place), join(modules, name));
  }
  const commands = join(modules, '.bin');
  await mkdir(commands);
  await writeFile(join(commands, 'gopush'), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`);
  await chmod(join(commands, 'gopush'), 0o755);
  return commands;
}

/** The versions that the workspace uses, by package. */
export async function readCatalog(): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(join(workspace, 'pnpm-workspace.yaml'), 'utf8');
  const lines = text.slice(text.indexOf('catalog:')).matchAll(/^ {2}"?([@\w./-]+)"?: (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', version = '']) => [name, version]));
}

/** The folders of templates that are whole projects. */
export async function listTemplates(): Promise<string[]> {
  const entries = await readdir(join(workspace, 'templates'));
  return entries.filter((name) => name !== 'hooks' && name !== 'project');
}
