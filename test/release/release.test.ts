import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder, startProgram } from '../support/cli.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../scripts/release.mjs');

async function write(root: string, files: Readonly<Record<string, string | object>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), typeof text === 'string' ? text : JSON.stringify(text));
  }
}

/** Two packages that are released together; `gopush` depends on `@gopush/part`. */
async function makeWorkspace(changelog: string, notes: Readonly<Record<string, string>> = {}) {
  const root = await makeFolder();
  await write(root, {
    'packages/cli/package.json': { name: 'gopush', version: '0.2.0', dependencies: { '@gopush/part': '0.2.0' } },
    'packages/part/package.json': { name: '@gopush/part', version: '0.2.0' },
    'CHANGELOG.md': changelog,
    'changes/README.md': 'How to write notes.',
    ...Object.fromEntries(Object.entries(notes).map(([name, text]) => [`changes/${name}`, text])),
  });
  const release = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    startProgram(process.execPath, [script, ...args, '--root', root], { env }).ended;
  const read = (name: string) => readFile(join(root, name), 'utf8');
  return { root, release, read };
}

const before = '# Changelog\n\n## 0.2.0 (2026-01-01)\n\n### Added\n\n- All.\n';

test('preparing a release writes one version into all packages, and the notes into the changelog by their kinds', async () => {
  const { release, read, root } = await makeWorkspace(before, {
    'b.md': 'fixed: A hook\nof two lines.\n',
    'a.md': 'added: Rooms.\n',
    'c.md': 'fixed: Another one.\n',
  });
  expect(await release(['prepare'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^prepared 0\.3\.0: /) });
  const today = new Date().toISOString().slice(0, 10);
  expect(await read('CHANGELOG.md')).toBe(
    `# Changelog\n\n## 0.3.0 (${today})\n\n### Added\n\n- Rooms.\n\n### Fixed\n\n- A hook\n  of two lines.\n- Another one.\n\n${before.slice('# Changelog\n\n'.length)}`,
  );
  for (const name of ['cli', 'part'])
    expect(JSON.parse(await read(`packages/${name}/package.json`)).version).toBe('0.3.0');
  expect(await readdir(join(root, 'changes'))).toEqual(['README.md']);
  expect(await release(['notes', '0.2.0'])).toMatchObject({ code: 0, stdout: '### Added\n\n- All.\n' });
  expect(await release(['prepare'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/nothing to release/) });
});

test('what stands under Unreleased is released as the version in its heading, and notes are added to it', async () => {
  const changelog =
    '# Changelog\n\n## Unreleased (0.2.0)\n\nA new one.\n\n### Added\n\n- One.\n\n### Changed\n\n- Two.\n';
  const { release, read } = await makeWorkspace(changelog, { 'a.md': 'added: Three.' });
  expect((await release(['prepare'])).code).toBe(0);
  expect((await read('CHANGELOG.md')).replace(/\(\d.*\)/, '(date)')).toBe(
    '# Changelog\n\n## 0.2.0 (date)\n\nA new one.\n\n### Added\n\n- One.\n- Three.\n\n### Changed\n\n- Two.\n',
  );
});

test.each([
  [['fixed'], '0.2.0', '0.2.1'],
  [['fixed', 'added'], '0.2.0', '0.3.0'],
  [['removed'], '0.2.0', '0.3.0'],
  [['security'], '1.4.2', '1.4.3'],
  [['deprecated'], '1.4.2', '1.5.0'],
  [['changed', 'fixed'], '1.4.2', '2.0.0'],
])('after notes of the kinds %j the version after %s is %s', async (kinds, version, next) => {
  const notes = Object.fromEntries(kinds.map((kind) => [`${kind}.md`, `${kind}: Text.`]));
  const { root, release } = await makeWorkspace(before, notes);
  await write(root, {
    'packages/cli/package.json': { name: 'gopush', version },
    'packages/part/package.json': { name: '@gopush/part', version },
  });
  expect((await release(['prepare'])).stdout).toMatch(`prepared ${next}: `);
});

test.each([
  [['prepare'], { 'a.md': 'Fixed something' }, /changes\/a\.md: wanted one of added, changed/],
  [['prepare', '0.2'], { 'a.md': 'fixed: x' }, /found version 0\.2, wanted 1\.2\.3/],
  [['prepare', '0.2.0'], { 'a.md': 'fixed: x' }, /CHANGELOG\.md has 0\.2\.0 already/],
  [['notes', '9.9.9'], {}, /CHANGELOG\.md has nothing about 9\.9\.9/],
])('%j with %j is refused, and nothing is written', async (args, notes, message) => {
  const { release, read } = await makeWorkspace(before, notes);
  expect(await release(args)).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
  expect(await read('CHANGELOG.md')).toBe(before);
  expect(JSON.parse(await read('packages/cli/package.json')).version).toBe('0.2.0');
});

/** A registry that takes packages, unless it is told to refuse one. */
async function startRegistry() {
  const published: string[] = [];
  const refused = new Set<string>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const name = decodeURIComponent(request.url?.slice(1) ?? '').split('?')[0] ?? '';
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.method === 'PUT') {
      if (refused.has(name)) return answer(403, { error: 'not today' });
      published.push(name);
      return answer(201, { ok: true });
    }
    if (!published.includes(name)) return answer(404, { error: 'not found' });
    const versions = { '0.2.0': { name, version: '0.2.0', dist: { tarball: 'http://127.0.0.1/x.tgz' } } };
    return answer(200, { name, 'dist-tags': { latest: '0.2.0' }, versions });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { published, refused, port: (server.address() as AddressInfo).port };
}

/** A workspace that is ready to be released to a registry, but for its tag; and npm with a cache of its own. */
async function makeReleasable(port: number) {
  const { root, release } = await makeWorkspace(before);
  const files = { 'README.md': '', LICENSE: '' };
  const more = { description: 'A part.', license: 'MIT', engines: { node: '>=20' } };
  for (const folder of ['cli', 'part']) {
    const path = join(root, 'packages', folder);
    const pkg = JSON.parse(await readFile(join(path, 'package.json'), 'utf8'));
    await write(join(root, 'made', folder, 'package'), { 'package.json': { ...pkg, ...more }, ...files });
  }
  const packed = join(root, '.git/packed');
  await mkdir(packed, { recursive: true });
  for (const folder of ['cli', 'part'])
    await run('tar', ['-czf', join(packed, `${folder}.tgz`), '-C', join(root, 'made', folder), 'package']);
  const npmrc = join(root, '.git/npmrc');
  const lines = [`registry=http://127.0.0.1:${port}/`, `//127.0.0.1:${port}/:_authToken=secret`, 'fetch-retries=0'];
  await writeFile(npmrc, `${lines.join('\n')}\ncache=${join(root, '.git/cache')}\nupdate-notifier=false\n`);
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: root });
  await git('init', '-q');
  await git('add', '.');
  await git('commit', '-qm', 'Release');
  const publish = (...more: string[]) => release(['publish', packed, ...more], { npm_config_userconfig: npmrc });
  return { root, git, publish };
}

test('a dry run checks, and publishes nothing; without its tag a commit is not published', async () => {
  const { published, port } = await startRegistry();
  const { publish, git, root } = await makeReleasable(port);
  const dry = await publish('--dry-run', '--no-provenance');
  expect([dry.code, dry.stderr]).toEqual([0, '']);
  expect(dry.stdout).toMatch(/@gopush\/part@0\.2\.0 would be published\ngopush@0\.2\.0 would be published\n$/);
  const without = await publish('--no-provenance');
  expect([without.code, without.stderr]).toEqual([1, 'release: the commit has no tag v0.2.0\n']);
  await git('tag', 'v0.2.0');
  await writeFile(join(root, 'CHANGELOG.md'), `${before}\n`);
  expect((await publish('--no-provenance')).stderr).toBe('release: there are changes that are not committed\n');
  await git('checkout', '-q', '.');
  // Provenance is the default, and names where the packages were built.
  expect((await publish()).stderr).toMatch(/gopush names no repository: pack it with GITHUB_REPOSITORY/);
  expect(published).toEqual([]);
});

test('packages are published after those that they depend on; after a failure the same command goes on', async () => {
  const { published, refused, port } = await startRegistry();
  const { publish, git } = await makeReleasable(port);
  await git('tag', 'v0.2.0');
  refused.add('gopush');
  const first = await publish('--no-provenance');
  expect([first.code, first.stderr]).toEqual([
    1,
    expect.stringMatching(/gopush@0\.2\.0 was not published:[\s\S]*not today/),
  ]);
  expect(published).toEqual(['@gopush/part']);
  refused.clear();
  const second = await publish('--no-provenance');
  expect([second.code, second.stderr]).toEqual([0, '']);
  expect(second.stdout).toMatch(/@gopush\/part@0\.2\.0 is published already\ngopush@0\.2\.0 is published\n$/);
  expect(published).toEqual(['@gopush/part', 'gopush']);
});
