import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { satisfies } from 'semver';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const workspace = join(import.meta.dirname, '../..');

interface Step {
  readonly run?: string;
  readonly uses?: string;
}

interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: { readonly node: readonly string[] } };
  readonly 'timeout-minutes'?: number;
}

async function readWorkflow(
  name: string,
): Promise<{ readonly permissions: object; readonly jobs: Record<string, Job> }> {
  return parse(await readFile(join(workspace, '.github/workflows', name), 'utf8'));
}

test('CI runs all tests with the oldest Node that package.json names, and with 22 and 24', async () => {
  const { engines } = JSON.parse(await readFile(join(workspace, 'package.json'), 'utf8'));
  const { jobs } = await readWorkflow('ci.yml');
  const versions = jobs.test?.strategy?.matrix.node ?? [];
  const [oldest] = engines.node.match(/\d+\.\d+/);
  expect(versions).toEqual([oldest, '22', '24']);
  // `22` is the newest version of that line.
  const newest = versions.map((one) => (one.includes('.') ? `${one}.0` : `${one}.99.0`));
  expect(newest.filter((one) => !satisfies(one, engines.node))).toEqual([]);
  expect(jobs.test?.steps).toContainEqual(expect.objectContaining({ run: 'npm test' }));
});

test('a release is published after all tests, with provenance and no token', async () => {
  const { permissions, jobs } = await readWorkflow('release.yml');
  expect(permissions).toEqual({ contents: 'read' });
  expect(jobs.test?.uses).toBe('./.github/workflows/ci.yml');
  expect(jobs.publish).toMatchObject({ needs: 'test', permissions: { contents: 'write', 'id-token': 'write' } });
  const text = await readFile(join(workspace, '.github/workflows/release.yml'), 'utf8');
  expect(text).not.toMatch(/secrets\.|--no-provenance|--dry-run/);
});

test('every script that a workflow runs exists, and every job has a deadline', async () => {
  for (const name of await readdir(join(workspace, '.github/workflows'))) {
    for (const [job, { steps = [], uses, ...more }] of Object.entries((await readWorkflow(name)).jobs)) {
      if (uses === undefined) expect([job, more['timeout-minutes']]).toEqual([job, expect.any(Number)]);
      const files = steps.flatMap(({ run = '' }) => run.match(/scripts\/[\w./-]+\.mjs/g) ?? []);
      for (const file of files) expect([file, existsSync(join(workspace, file))]).toEqual([file, true]);
    }
  }
});
