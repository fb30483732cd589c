import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeFolder } from '../../../test/support/cli.ts';
import { createProject } from '../src/create-project.ts';
import type { PackageManager, TemplateName } from '../src/names.ts';

// With them npm would warn of packages at each install, and pnpm would fail: a new project needs none of their scripts.
test.each([
  ['npm', 'minimal'],
  ['npm', 'chat'],
  ['pnpm', 'minimal'],
] as [PackageManager, TemplateName][])(
  'a project for %s from the template %s denies the same install scripts as the workspace',
  async (packageManager, template) => {
    const { allowBuilds } = parse(await readFile(join(import.meta.dirname, '../../../pnpm-workspace.yaml'), 'utf8'));
    const dir = await makeFolder();
    await createProject({ dir, template, packageManager, typescript: false, force: false });
    const read = async (name: string) => parse(await readFile(join(dir, name), 'utf8'));
    const denied =
      packageManager === 'npm'
        ? (await read('package.json')).allowScripts
        : (await read('pnpm-workspace.yaml')).allowBuilds;
    expect(denied).toEqual(allowBuilds);
    expect(Object.values(denied)).toContain(false);
  },
);
