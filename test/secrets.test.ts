import { execFileSync } from 'node:child_process';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gopush, makeFolder, makeProject, startGopush } from './support/cli.ts';
import { connectClient, nextEvent, openClient } from './support/socket-io.ts';

async function secretOf(dir: string, environment: string): Promise<string> {
  const text = await readFile(join(dir, `config/secrets.${environment}.json`), 'utf8');
  return (JSON.parse(text.replace(/^\/\/.*$/gm, '')) as { access: { secrets: [string] } }).access.secrets[0];
}

test('a new project has a secret for each environment, which is shown to nobody and never committed', async () => {
  const dir = await makeFolder();
  const { stdout } = await gopush(['create', dir]);
  const [local, production] = [await secretOf(dir, 'local'), await secretOf(dir, 'production')];
  expect(local).toMatch(/^[\w-]{43}$/);
  expect(production).not.toBe(local);
  expect((await stat(join(dir, 'config/secrets.local.json'))).mode & 0o777).toBe(0o600);
  const config = await gopush(['config'], { cwd: dir });
  expect(stdout + config.stdout + config.stderr).not.toContain(local);
  expect(JSON.parse(config.stdout).access.secrets).toBe('(hidden)');
  execFileSync('git', ['init', '-q'], { cwd: dir });
  execFileSync('git', ['add', '.'], { cwd: dir });
  const files = execFileSync('git', ['ls-files'], { cwd: dir, encoding: 'utf8' });
  expect(files).toContain('config/local.json');
  expect(files).not.toContain('secrets.local');
});

test('with the secret of a new project push-servers believe agents alone', async () => {
  const { dir, url } = await makeProject({ serverWorkers: 1 });
  const running = startGopush(['dev'], { cwd: dir });
  await running.until(/gopush is ready/);
  expect((await connectClient(url, 'websocket', { query: { user: 'ann' } })).connected).toBe(true);
  const { serverPortStart } = JSON.parse(await readFile(join(dir, 'config/local.json'), 'utf8'));
  const direct = openClient(`http://127.0.0.1:${serverPortStart}`, 'websocket', { query: { uid: 'admin' } });
  const refused = await nextEvent<Error & { data: object }>(direct, 'connect_error');
  expect(refused.data).toMatchObject({ code: 'identity_unsigned' });
  expect(running.stdout()).not.toContain(await secretOf(dir, 'local'));
});

test('a secret counts before the config file, and after the environment; check tells where there is none', async () => {
  const { dir } = await makeProject();
  const secrets = 'config/secrets.local.json';
  expect((await gopush(['check', '--no-ports'], { cwd: dir })).stdout).not.toMatch(/access\.secrets/);
  await writeFile(join(dir, secrets), '{ "agentPort": 1234, "access": { "secrets": ["short"] } }');
  const env = { GOPUSH_ACCESS_SECRETS: '0123456789abcdef' };
  const { agentPort } = JSON.parse((await gopush(['config'], { cwd: dir, env })).stdout);
  expect(agentPort).toBe(1234);
  const wrong = await gopush(['check'], { cwd: dir });
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringMatching(/secrets\.local\.json:1: access\.secrets\.0: found \(hidden\)/),
  ]);
  await writeFile(join(dir, secrets), '{\n  "access": ');
  expect((await gopush(['check'], { cwd: dir })).stderr).toMatch(
    /secrets\.local\.json:2: found a mistake in the syntax/,
  );
  await rm(join(dir, secrets));
  const none = await gopush(['check', '--no-ports'], { cwd: dir });
  expect([none.code, none.stdout]).toEqual([
    0,
    expect.stringMatching(/! config: access\.secrets: there is none.*gopush add secret/),
  ]);
  const { stderr } = await gopush(['config', '--env', 'staging'], { cwd: dir });
  expect(stderr).toMatch(/environments there are: local, production \(/);
});

test('add secret makes one, and replaces none', async () => {
  const { dir } = await makeProject();
  await rm(join(dir, 'config/secrets.local.json'));
  const added = await gopush(['add', 'secret'], { cwd: dir });
  const secret = await secretOf(dir, 'local');
  expect([added.code, added.stdout]).toEqual([0, expect.stringMatching(/^wrote .*secrets\.local\.json/)]);
  expect(added.stdout).not.toContain(secret);
  expect(await gopush(['add', 'secret'], { cwd: dir })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/there already/),
  });
  expect((await gopush(['create', dir, '--force'])).code).toBe(0);
  expect(await secretOf(dir, 'local')).toBe(secret);
});

test('a project that has settings of its own gets no secret: it would change what runs', async () => {
  const { dir } = await makeProject();
  await rm(join(dir, 'config/secrets.local.json'));
  expect((await gopush(['create', dir])).code).toBe(0);
  await expect(stat(join(dir, 'config/secrets.local.json'))).rejects.toThrow(/ENOENT/);
});
