import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { installedVersions } from '../src/internals/installed-versions.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const catalog = readFileSync(new URL('../../../pnpm-workspace.yaml', import.meta.url), 'utf8');
const rows = [...readme.matchAll(/^\| `([\w.-]+)` +\| `(~[\d.]+)` +\| ([\d.]+) +\|$/gm)].map((row) => row.slice(1));

test('the README has the versions that the tests run with', () => {
  expect(Object.fromEntries(rows.map(([library, , version]) => [library, version]))).toEqual(installedVersions());
});

test.each(rows.filter(([library]) => library !== 'ws'))('the README has the range of %s', (library, range) => {
  expect(catalog).toContain(`\n  ${library}: ${range}\n`);
});
