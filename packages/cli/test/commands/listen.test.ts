import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyJwt } from '@gopush/hooks/jwt';
import { expect, test } from 'vitest';
import { apiConfig, keys, startApis } from '../../../../test/support/api.ts';
import { makeFolder, startGopush } from '../../../../test/support/cli.ts';
import { commandsOfFile } from '../../../../test/support/commands.ts';
import { outputFault } from '../../../../test/support/output-schema.ts';
import { nextEvent, openClient } from '../../../../test/support/socket-io.ts';

const command = commandsOfFile();

async function projectOn(port: number, config: object = { api: apiConfig }): Promise<string> {
  const dir = await makeFolder();
  await mkdir(join(dir, 'config'));
  await writeFile(join(dir, 'config/local.json'), JSON.stringify({ serverPortStart: port, ...config }));
  return dir;
}

test('listen prints what is published to rooms and users, and ends after as many as are wanted', async () => {
  const [server] = await startApis(1);
  const dir = await projectOn(server?.port ?? 0);
  const running = startGopush(['listen', '--room', 'a', 'b', '--user', 'ann', '--count', '3', '--json'], {
    cwd: dir,
  });
  // It listens when the first one arrives: those before are not kept for it.
  const published = setInterval(() => void server?.push.toRoom('a', 'tick', 1), 50);
  await running.until(/"tick"/);
  clearInterval(published);
  await server?.push.toUser('ann', 'news', { n: 2 });
  await server?.push.toRoom('b', 'last', 'x');
  const { code, stdout } = await running.ended;
  expect(code).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ room: 'a', event: 'tick', message: 1 });
  for (const line of lines) expect(outputFault('listen', JSON.stringify(line))).toBeUndefined();
});

test('listen says what is wrong: nothing to listen to, a key that is refused, no push-server', async () => {
  const [server] = await startApis(1);
  const dir = await projectOn(server?.port ?? 0);
  expect(await command(['listen'], { cwd: dir })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/wanted --room/),
  });
  const refused = await command(['listen', '--room', 'a', '--key', keys.publish], { cwd: dir });
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/^gopush: \w+: [^\n]+\n$/)]);
  expect(refused.stderr).not.toContain(keys.publish);
  const nobody = await command(['listen', '--room', 'a', '--url', 'http://127.0.0.1:1', '--key', keys.all], {
    cwd: dir,
  });
  expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringMatching(/cannot be reached/)]);
});

test('a token is what verifyJwt accepts, and no other secret', async () => {
  const { stdout, code } = await command([
    'token',
    'ann',
    '--secret',
    'a secret of at least 32 bytes, for HS256',
    '--ttl',
    '60',
  ]);
  expect(code).toBe(0);
  const request = { headers: { authorization: `Bearer ${stdout.trim()}` } };
  const secret = 'a secret of at least 32 bytes, for HS256';
  expect(await verifyJwt({ secret })(request)).toBe('ann');
  expect(await verifyJwt({ secret: `${secret}!` })(request)).not.toBe('ann');
  const env = { JWT_SECRET: secret };
  const claimed = await command(['token', 'bob', '--claim', 'user', '--json'], { env });
  expect(outputFault('token', claimed.stdout)).toBeUndefined();
  const { token } = JSON.parse(claimed.stdout) as { token: string };
  expect(await verifyJwt({ secret, uidClaim: 'user' })({ headers: { authorization: `Bearer ${token}` } })).toBe('bob');
  expect(await command(['token', 'ann'])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/wanted --secret, or the variable JWT_SECRET/),
  });
  expect((await command(['token', 'a\u0007', '--secret', secret])).code).toBe(2);
  // The hook would not load with it.
  const short = 'x'.repeat(31);
  expect(() => verifyJwt({ secret: short })).toThrow(/at least 32/);
  expect(await command(['token', 'ann', '--secret', short])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/found 31 bytes, wanted at least 32/),
  });
});

test('a signed identity is what a push-server believes, for as long as it is valid', async () => {
  const secrets = ['0123456789abcdef'];
  const [server] = await startApis(1, { access: { secrets } });
  const dir = await projectOn(server?.port ?? 0, { access: { secrets } });
  const { stdout } = await command(['token', 'ann ü', '--identity'], { cwd: dir });
  const extraHeaders = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(': ') as [string, string]),
  );
  const client = openClient(server?.url ?? '', 'websocket', { extraHeaders });
  await nextEvent(client, 'connect');
  await expect.poll(async () => (await server?.io.fetchSockets())?.length).toBe(1);
  const forged = openClient(server?.url ?? '', 'websocket', {
    extraHeaders: { ...extraHeaders, 'x-gopush-uid': 'bob' },
  });
  expect((await nextEvent<Error & { data: object }>(forged, 'connect_error')).data).toMatchObject({
    code: 'identity_unsigned',
  });
  expect(await command(['token', 'ann', '--identity'], { cwd: await projectOn(1, {}) })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/access\.secrets: found none/),
  });
});
