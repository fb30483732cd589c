import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ConfigInput } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { apiConfig, keys, startApis } from '../../../../test/support/api.ts';
import { type Ended, gopush, makeFolder, makeProject, startGopush } from '../../../../test/support/cli.ts';
import { commandsOfFile } from '../../../../test/support/commands.ts';
import { outputFault } from '../../../../test/support/output-schema.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';

const command = commandsOfFile();

/** A project whose first push-server is this one. */
async function projectOf({ port }: PushServer, api: ConfigInput['api'] = apiConfig): Promise<string> {
  const dir = await makeFolder();
  await mkdir(join(dir, 'config'));
  await writeFile(join(dir, 'config/local.json'), JSON.stringify({ serverPortStart: port, api }));
  return dir;
}

async function startApi(): Promise<{ server: PushServer; dir: string }> {
  const [server] = await startApis(1);
  if (server === undefined) throw new Error('no server');
  return { server, dir: await projectOf(server) };
}

/** What a command printed, which is one line of JSON. */
function answerOf({ code, stdout, stderr }: Ended): unknown {
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^[^\n]+\n$/);
  return JSON.parse(stdout);
}

/** A refusal, which is one line without any key. */
function refusalOf({ code, stdout, stderr }: Ended): [number | null, string] {
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^gopush: [^\n]+\n$/);
  for (const key of Object.values(keys)) expect(stderr).not.toContain(key);
  return [code, stderr.slice('gopush: '.length, -1)];
}

test('push room reaches clients of a running project, and says where it is kept', async () => {
  const { dir, url } = await makeProject({ serverWorkers: 1, api: apiConfig });
  const running = startGopush(['dev'], { cwd: dir });
  await running.until(/gopush is ready/);
  const ann = await connectClient(url, 'websocket', { query: { user: 'ann' } });
  await ann.emitWithAck('go:join', 'a/b ü');
  const heard = nextEvent(ann, 'chat');
  const said = await gopush(['push', 'room', 'a/b ü', 'chat', '{"n":[1,"x"]}'], { cwd: dir });
  expect(answerOf(said)).toMatchObject({ position: { offset: 1 }, duplicate: false });
  expect(await heard).toEqual({ n: [1, 'x'] });
});

test('push user reaches the devices that are connected, or waits', async () => {
  const { server, dir } = await startApi();
  const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  const heard = nextEvent(ann, 'news');
  const sent = await command(['push', 'user', 'ann', 'news', 'a word'], { cwd: dir });
  expect(answerOf(sent)).toMatchObject({ state: 'sent', devices: 1 });
  expect(await heard).toBe('a word');
  const later = ['push', 'user', 'bob', 'news', '1', '--store', '--ttl', '60000', '--id', 'm'];
  expect(answerOf(await command(later, { cwd: dir }))).toEqual({ id: 'm', state: 'waiting', devices: 0 });
  expect(answerOf(await command(later, { cwd: dir }))).toMatchObject({ state: 'duplicate' });
  expect(await server.push.inbox.pending('bob', 10)).toMatchObject({ value: [{ id: 'm', event: 'news', message: 1 }] });
});

test('push all reaches everyone, without a message as well', async () => {
  const { server, dir } = await startApi();
  const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  const heard = nextEvent(ann, 'maintenance');
  expect(answerOf(await gopush(['push', 'all', 'maintenance'], { cwd: dir }))).toEqual({});
  expect(await heard).toBeNull();
});

test('push room says it once with an id, and keeps nothing where it is not to be kept', async () => {
  const { server, dir } = await startApi();
  const say = (...options: string[]) => command(['push', 'room', 'a', 'e', ...options], { cwd: dir });
  expect(answerOf(await say('--id', 'one'))).toMatchObject({ duplicate: false });
  expect(answerOf(await say('--id', 'one'))).toMatchObject({ duplicate: true });
  expect(answerOf(await say('--keep', 'no'))).toEqual({ position: null, duplicate: false });
  expect(await server.push.history('a', 0, 10)).toMatchObject({ value: { messages: [{ offset: 1, event: 'e' }] } });
});

test('presence tells whether a user is connected', async () => {
  const { server, dir } = await startApi();
  await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  expect(answerOf(await command(['presence', 'ann'], { cwd: dir }))).toMatchObject({
    online: true,
    devices: 1,
    since: expect.any(Number),
    nodes: [expect.any(String)],
  });
  const bob = await command(['presence', 'bob', '--json'], { cwd: dir });
  expect(answerOf(bob)).toMatchObject({ online: false, devices: 0 });
  expect(outputFault('presence', bob.stdout)).toBeUndefined();
});

test('presence tells who is in a room, and wants a uid or a room', async () => {
  const { server, dir } = await startApi();
  const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  await ann.emitWithAck('go:join', 'a/b');
  await expect.poll(() => server.push.presence.room('a/b')).toMatchObject({ value: [{ uid: 'ann' }] });
  const inRoom = await gopush(['presence', '--room', 'a/b', '--json'], { cwd: dir });
  expect(outputFault('presence', inRoom.stdout)).toBeUndefined();
  expect(answerOf(inRoom)).toEqual({
    users: [{ uid: 'ann', devices: 1 }],
    next: null,
  });
  expect((await command(['presence', 'ann', '--room', 'a'], { cwd: dir })).code).toBe(2);
});

test('a message that only begins like JSON is not said, and a quoted one is a text', async () => {
  const { server, dir } = await startApi();
  const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  const say = (message: string) => command(['push', 'user', 'ann', 'e', message], { cwd: dir });
  for (const broken of ['{"n":1', '[1', '"a']) {
    expect(refusalOf(await say(broken))).toEqual([2, expect.stringMatching(/^the message is not JSON: /)]);
  }
  const heard = nextEvent(ann, 'e');
  answerOf(await say('"42"'));
  expect(await heard).toBe('42');
});

test('a refusal is one line with its code, and ends with 1', async () => {
  const { server, dir } = await startApi();
  expect(refusalOf(await command(['push', 'room', 'a', 'connect'], { cwd: dir }))).toEqual([
    1,
    expect.stringMatching(/^event_invalid: .*event/),
  ]);
  expect(refusalOf(await command(['push', 'user', 'a', 'e', '--ttl', '5'], { cwd: dir }))).toEqual([
    1,
    expect.stringMatching(/^payload_invalid: .*ttlMs/),
  ]);
  const ofRead = await command(['push', 'all', 'e', '--key', keys.read], { cwd: dir });
  expect(refusalOf(ofRead)).toEqual([1, expect.stringMatching(/^api_scope_missing: /)]);
  await server.close();
  expect(refusalOf(await command(['presence', 'a'], { cwd: dir }))).toEqual([
    1,
    expect.stringMatching(/^the API at http:\/\/127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/),
  ]);
});

test('the key is that of --key, then GOPUSH_API_KEY, then the first of the project that has the scope', async () => {
  const { server } = await startApi();
  const [, ...ofOneScope] = apiConfig.keys ?? [];
  const dir = await projectOf(server, { keys: ofOneScope });
  const ask = (args: string[], env = {}) => command(['presence', 'ann', ...args], { cwd: dir, env });
  answerOf(await ask([]));
  const env = { GOPUSH_API_KEY: keys.publish };
  expect(refusalOf(await ask([], env))).toEqual([1, expect.stringMatching(/^api_scope_missing: /)]);
  answerOf(await ask(['--key', keys.all], env));
  answerOf(await ask([], { GOPUSH_API_KEY: '' }));
  expect((await command(['check', '--no-ports'], { cwd: dir, env })).stdout).not.toContain('GOPUSH_API_KEY');
});

test('without a key that may, api.keys is named, and the command ends with 2', async () => {
  const { server } = await startApi();
  const dir = await projectOf(server, { keys: [{ name: 'reads', key: keys.read, scopes: ['read'] }] });
  expect(refusalOf(await command(['push', 'all', 'e'], { cwd: dir }))).toEqual([
    2,
    'api.keys: found no key with the scope publish, wanted one; or use --key or GOPUSH_API_KEY',
  ]);
});

test('with a URL and a key there need be no project', async () => {
  const { server } = await startApi();
  const cwd = await makeFolder();
  const ask = (url: string, key = keys.all) => command(['presence', 'ann', '--url', url, '--key', key], { cwd });
  expect(answerOf(await ask(`${server.url}/`))).toMatchObject({ online: false });
  for (const url of ['nowhere', 'ftp://a', `http://me:${keys.all}@127.0.0.1`]) {
    expect(refusalOf(await ask(url))).toEqual([2, expect.stringMatching(/^--url: wanted /)]);
  }
  expect(refusalOf(await ask(server.url, `${keys.all}\n€`))).toEqual([
    2,
    expect.stringMatching(/^the API key contains /),
  ]);
  expect(refusalOf(await command(['presence', '..', '--url', server.url, '--key', keys.all], { cwd }))).toEqual([
    2,
    expect.stringMatching(/^\.\.: /),
  ]);
});

test('what is no API is told as such, and is not followed elsewhere with the key', async () => {
  const other = createServer((request, response) => {
    if (request.url?.includes('/moved/')) response.writeHead(302, { location: '/api/v1/users/x/presence' }).end('{}');
    else response.end('<p>hello');
  }).listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const cwd = await makeFolder();
  const ask = (uid: string) => command(['presence', uid, '--url', url, '--key', keys.all], { cwd });
  expect(refusalOf(await ask('ann'))).toEqual([1, `${url} responded 200, but not as the API does`]);
  expect(refusalOf(await ask('moved'))).toEqual([1, `${url} responded 302, but not as the API does`]);
});

test.each([
  [['push']],
  [['push', 'room', 'a']],
  [['push', 'all', 'e', '--id', 'x']],
  [['push', 'room', 'a', 'e', '--keep', 'maybe']],
  [['push', 'user', 'a', 'e', '--store', '--ttl', 'long']],
])('%j is not a command, and ends with 2', async (args) => {
  // With these what is asked for would end with 1.
  const access = args.length === 1 ? [] : ['--url', 'http://127.0.0.1:1', '--key', keys.all];
  expect((await command([...args, ...access])).code).toBe(2);
});
