import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder, makeProject, startGopush } from '../../../../test/support/cli.ts';
import { commandsOfFile } from '../../../../test/support/commands.ts';
import { connectClient, nextEvent, openClient } from '../../../../test/support/socket-io.ts';
import { createProject } from '../../../create/src/create-project.ts';
import { loadProject } from '../../src/project.ts';

const gopush = commandsOfFile();

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
  const secrets = join(dir, 'config/secrets.local.json');
  await writeFile(secrets, '{ "agentPort": 1234, "access": { "secrets": ["short"] } }');
  const env = { GOPUSH_ACCESS_SECRETS: '0123456789abcdef' };
  expect(JSON.parse((await gopush(['config'], { cwd: dir, env })).stdout).agentPort).toBe(1234);
  const load = () => loadProject({ dir, env: 'local' });
  await expect(load()).rejects.toThrow(/secrets\.local\.json:1: access\.secrets\.0: found \(hidden\)/);
  await writeFile(secrets, '{\n  "access": ');
  await expect(load()).rejects.toThrow(/secrets\.local\.json:2: found a syntax error/);
  await expect(loadProject({ dir, env: 'staging' })).rejects.toThrow(/existing environments: local, production \(/);
  await rm(secrets);
  const none = await gopush(['check', '--no-ports'], { cwd: dir });
  expect([none.code, none.stdout]).toEqual([
    0,
    expect.stringMatching(/! config: access\.secrets: none is set.*gopush add secret/),
  ]);
  // One that is there would run with settings that are there: it is made when it is asked for, and replaced never.
  await createProject({ dir, typescript: false, force: false });
  await expect(stat(secrets)).rejects.toThrow(/ENOENT/);
  const added = await gopush(['add', 'secret'], { cwd: dir });
  const secret = await secretOf(dir, 'local');
  expect([added.code, added.stdout]).toEqual([0, expect.stringMatching(/^wrote .*secrets\.local\.json/)]);
  expect(added.stdout).not.toContain(secret);
  expect(await gopush(['add', 'secret'], { cwd: dir })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/exists already/),
  });
  await createProject({ dir, typescript: false, force: true });
  expect(await secretOf(dir, 'local')).toBe(secret);
});

test('gopush config shows no password of Redis or its sentinels, nor a private key', async () => {
  const dir = await makeFolder();
  await mkdir(join(dir, 'config'));
  const redisAdapter = {
    sentinels: [{ host: 'a', port: 1 }],
    tls: true,
    tlsOptions: { cert: 'c.pem', key: '-----BEGIN PRIVATE KEY----- hunter2' },
  };
  await writeFile(join(dir, 'config', 'local.json'), JSON.stringify({ redisAdapter }));
  const secrets = { redisAdapter: { password: 'hunter2', sentinelPassword: 'hunter2' } };
  await writeFile(join(dir, 'config', 'secrets.local.json'), JSON.stringify(secrets));
  const { stdout } = await gopush(['config'], { cwd: dir });
  expect((await gopush(['config', '--origins'], { cwd: dir })).stdout).not.toContain('hunter2');
  expect(JSON.parse(stdout).redisAdapter).toMatchObject({
    password: '(hidden)',
    sentinelPassword: '(hidden)',
  });
  expect(stdout).not.toContain('hunter2');
});
