import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Client, createClient, type Room } from 'gopush/client';
import { startProject } from 'gopush/testing';
import { SignJWT } from 'jose';
import { io, type Socket } from 'socket.io-client';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { codeBlocks, guides, root } from './support/docs.ts';
import { startTestAgent } from './support/gateway.ts';

afterEach(() => vi.unstubAllEnvs());

/** The blocks of a document that are a file of a project, such as `// hooks/agent.js`, in order. */
function filesOf(document: string): { name: string; code: string }[] {
  return codeBlocks(document).flatMap(({ code }) => {
    const name = /^\/\/ (hooks\/\w+\.js)\n/.exec(code)?.[1];
    return name === undefined ? [] : [{ name, code }];
  });
}

/** The only block of a guide that has some text. */
function blockWith(guide: string, text: string): string {
  const [block, ...others] = codeBlocks(`docs/guides/${guide}.md`).filter(({ code }) => code.includes(text));
  expect(others).toEqual([]);
  return block?.code ?? '';
}

/** A project with these hooks, which runs until the test ends. */
async function startWith(hooks: Record<string, string>, config: object = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-guide-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await symlink(join(root, 'test/node_modules'), join(dir, 'node_modules'));
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }');
  await mkdir(join(dir, 'config'));
  await writeFile(join(dir, 'config/local.json'), JSON.stringify(config));
  await mkdir(join(dir, 'hooks'));
  const files = { 'hooks/onupgrade.js': hooks['hooks/agent.js'] ?? '', 'hooks/router.js': plainRouter, ...hooks };
  for (const [name, code] of Object.entries(files)) await writeFile(join(dir, name), code);
  const project = await startProject({ dir });
  onTestFinished(() => project.close());
  return { ...project, dir };
}

/** The status of a request for the client library, which push-servers serve to everybody that the hook knows. */
async function statusOf(url: string, headers: Record<string, string>): Promise<number> {
  const response = await fetch(`${url}/socket.io/socket.io.js`, { headers });
  await response.body?.cancel();
  return response.status;
}

const plainRouter =
  "import { defineRouter } from 'gopush';\nexport default defineRouter({ default: 'push-server' });\n";
const trusting =
  "import { defineAgent } from 'gopush';\nexport default defineAgent((request) => request.query.user);\n";

function connect(url: string, user: string): Socket {
  const socket = io(url, { query: { user }, forceNew: true, transports: ['websocket'] });
  onTestFinished(() => void socket.disconnect());
  return socket;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test('the signed cookie of the guide to hooks identifies its user, and no other', async () => {
  vi.stubEnv('COOKIE_SECRET', 'a secret of the web app');
  const code = blockWith('hooks', 'signedCookies(');
  const { url } = await startWith({ 'hooks/agent.js': code });
  const signature = createHmac('sha256', 'a secret of the web app').update('ann').digest('base64').replace(/=+$/, '');
  expect(await statusOf(url, { cookie: `uid=${encodeURIComponent(`s:ann.${signature}`)}` })).toBe(200);
  expect(await statusOf(url, { cookie: `uid=${encodeURIComponent(`s:bob.${signature}`)}` })).toBe(430);
  expect(await statusOf(url, { cookie: 'uid=ann' })).toBe(430);
  expect(await statusOf(url, {})).toBe(430);
});

test('the hook of the guide that asks a web app knows whom the app knows', async () => {
  const app = createServer((request, response) => {
    if (request.headers.cookie !== 'session=1') return void response.writeHead(401).end();
    response.end('{ "id": "ann" }');
  });
  vi.stubEnv('WHO_AM_I', `http://127.0.0.1:${await listen(app)}/me`);
  const { url } = await startWith({ 'hooks/agent.js': blockWith('hooks', 'WHO_AM_I') });
  expect(await statusOf(url, { cookie: 'session=1' })).toBe(200);
  expect(await statusOf(url, { cookie: 'session=2' })).toBe(430);
});

test.each(guides.flatMap((document) => filesOf(document).map((file, index) => ({ document, index, ...file }))))(
  '$name, hook $index of $document, can be loaded',
  async ({ name, code }) => {
    vi.stubEnv('COOKIE_SECRET', 'a secret of the web app');
    vi.stubEnv('JWT_SECRET', 'a secret of at least thirty-two bytes');
    await startWith({ 'hooks/agent.js': trusting, [name]: code });
  },
);

test('a tenant of the guide to hooks is its own product, by host', async () => {
  const { url } = await startWith({ 'hooks/agent.js': trusting, 'hooks/router.js': blockWith('hooks', 'globex') });
  const socket = io(url, {
    query: { user: 'ann' },
    transports: ['websocket'],
    extraHeaders: { host: 'acme.example.com' },
  });
  onTestFinished(() => void socket.disconnect());
  const [welcome] = await new Promise<{ product: string }[]>((resolve) => {
    socket.once('go:welcome', (...args) => resolve(args));
  });
  expect(welcome?.product).toBe('acme');
});

test('a user of one tenant of the guide to hooks cannot connect to another one', async () => {
  const secret = 'a secret of at least thirty-two bytes';
  vi.stubEnv('JWT_SECRET', secret);
  const { url } = await startWith({
    'hooks/agent.js': trusting,
    'hooks/router.js': blockWith('hooks', 'globex'),
    'hooks/server.js': blockWith('hooks', 'claims?.tenant'),
  });
  const token = await new SignJWT({ tenant: 'acme' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ann')
    .sign(Buffer.from(secret));
  const outcomeAt = (host: string, query = {}): Promise<unknown> => {
    const extraHeaders = { host, cookie: `token=${token}` };
    const options = { query: { user: 'ann', ...query }, extraHeaders, forceNew: true };
    const socket = io(url, { ...options, transports: ['websocket'] });
    onTestFinished(() => void socket.disconnect());
    return new Promise((resolve) => {
      socket.once('connect', () => resolve('connected'));
      socket.once('connect_error', ({ data }: Error & { data?: { code: string } }) => resolve(data?.code));
    });
  };
  expect(await outcomeAt('acme.example.com')).toBe('connected');
  expect(await outcomeAt('globex.example.com')).toBe('connect_refused');
  expect(await outcomeAt('example.com', { product: 'globex' })).toBe('connect_refused');
  expect(await outcomeAt('example.com', { product: 'acme' })).toBe('connected');
});

test('clients of a tenant by uid enter the rooms of their tenant only', async () => {
  const { url } = await startWith({ 'hooks/agent.js': trusting, 'hooks/server.js': blockWith('hooks', 'tenantOf') });
  const socket = connect(url, 'acme/ann');
  expect(await socket.emitWithAck('go:join', 'acme/lobby')).toMatchObject({ ok: true });
  expect(await socket.emitWithAck('go:join', 'globex/lobby')).toMatchObject({ error: { code: 'join_refused' } });
});

test('members of a room of the guide get what canPublish made of a message, and newcomers the last messages', async () => {
  const rules = blockWith('rooms', 'private:');
  const { url } = await startWith({ 'hooks/agent.js': trusting, 'hooks/server.js': rules });
  const [ann, bob] = [createClient(connect(url, 'ann')), createClient(connect(url, 'bob'))];
  const room = bob.join('lobby');
  await room.joined;
  const got = new Promise<{ text: string; at: number }>((resolve) => room.on('chat', resolve));
  const mine = ann.join('lobby');
  await mine.joined;
  await mine.publish('chat', { text: 'hello', forged: true }, { id: '1' });
  expect(await got).toEqual({ text: 'hello', at: expect.any(Number) });
  await expect(ann.join('private:bob').joined).rejects.toMatchObject({ code: 'join_refused' });
});

test('newcomers of the guide to rooms get the last messages', async () => {
  const code = blockWith('rooms', 'MAX_SAFE_INTEGER');
  const project = await startWith({ 'hooks/agent.js': trusting, 'hooks/server.js': code });
  for (let count = 1; count <= 25; count++) await project.push?.toRoom('lobby', 'chat', count);
  const { ok, messages } = await connect(project.url, 'ann').emitWithAck('history', 'lobby');
  expect(ok).toBe(true);
  expect(messages.map(({ message }: { message: number }) => message)).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 6),
  );
});

test('the check of the guide to back ends believes agents, and nobody else', async () => {
  const secret = 'a secret of agents and servers';
  let uidOf: (request: IncomingMessage) => string | undefined = () => undefined;
  const port = await listen(createServer((request, response) => void response.end(uidOf(request) ?? 'nobody')));
  vi.stubEnv('GOPUSH_ACCESS_SECRETS', secret);
  vi.stubEnv('AUDIENCE', `127.0.0.1:${port}`);
  const code = blockWith('back-ends', 'timingSafeEqual');
  ({ uidOf } = await import(`data:text/javascript,${encodeURIComponent(code)}`));
  const agent = await startTestAgent(
    { agent: (request) => request.query.user, router: { default: { ip: '127.0.0.1', port } } },
    { access: { secrets: [secret] } },
  );
  const ask = (url: string, headers = {}) => fetch(url, { headers }).then((response) => response.text());
  expect(await ask(`${agent.url}/?user=ann%20b`)).toBe('ann b');
  expect(await ask(`http://127.0.0.1:${port}`, { 'x-gopush-uid': 'ann' })).toBe('nobody');
  const forged = { 'x-gopush-uid': 'ann', 'x-gopush-signature': `v2.9999999999.${'A'.repeat(43)}.127.0.0.1:${port}` };
  expect(await ask(`http://127.0.0.1:${port}`, forged)).toBe('nobody');
});

test('with the router for those who come from nginx, the address of a client decides, if the proxy in front is trusted', async () => {
  const servers = await Promise.all(
    ['one', 'two'].map((name) => listen(createServer((_request, response) => void response.end(name)))),
  );
  const [block] = codeBlocks('docs/migrating.md').filter(({ code }) => code.includes('10.0.0.6:3000'));
  const router = servers.reduce(
    (code, port, n) => code.replace(`10.0.0.${5 + n}:3000`, `127.0.0.1:${port}`),
    block?.code ?? '',
  );
  const reachedBy = async (config: object): Promise<Set<string>> => {
    const { url } = await startWith({ 'hooks/agent.js': trusting, 'hooks/router.js': router }, config);
    const ask = async (n: number) => (await fetch(url, { headers: { 'x-forwarded-for': `203.0.113.${n}` } })).text();
    const [first, again] = [await ask(1), await ask(1)];
    expect(again).toBe(first);
    return new Set(await Promise.all(Array.from({ length: 30 }, (_, n) => ask(n))));
  };
  expect((await reachedBy({ access: { trustedProxies: ['127.0.0.1/32', '::1/128'] } })).size).toBe(2);
  expect((await reachedBy({})).size).toBe(1);
});

test('the program of docs/from-0.1.md copies what waits in MongoDB into inboxes, once', async () => {
  const key = 'a-key-of-at-least-24-characters';
  const { url, push } = await startWith(
    { 'hooks/agent.js': trusting },
    { api: { keys: [{ name: 'copy', key, scopes: ['publish'] }] } },
  );
  vi.stubEnv('GATEWAY', url);
  vi.stubEnv('GOPUSH_API_KEY', key);
  const waiting = { id: 'a1', event: 'news', isSent: false, message: { text: 'to ann' } };
  const toMany = { id: 'a2', event: 'news', isSent: false, messageId: 'm1' };
  const others = [
    { id: 'a0', event: 'news', isSent: true, message: 'old' },
    { id: 'a3', event: 'news', isSent: false, messageId: 'deleted' },
    { id: 'a4', isSent: false, message: 'without an event' },
  ];
  const users = [{ uid: 'ann', messages: [waiting, ...others, toMany] }];
  const collection = (name: string) => ({
    find: () => (name === 'users' ? users : []),
    findOne: async ({ _id }: { _id: string }) => (_id === 'm1' ? { name: 'to all' } : null),
  });
  vi.stubGlobal('fakeMongo', {
    MongoClient: { connect: async () => ({ db: () => ({ collection }), close: async () => {} }) },
  });
  onTestFinished(() => void vi.unstubAllGlobals());
  const [block] = codeBlocks('docs/from-0.1.md');
  const code = block?.code.replace(
    "import { MongoClient } from 'mongodb';",
    'const { MongoClient } = globalThis.fakeMongo;',
  );
  for (const time of [1, 2]) await import(`data:text/javascript,${encodeURIComponent(`${code}// ${time}`)}`);
  const inbox = await push?.inbox.pending('ann', 10);
  const messages = inbox?.ok === true ? inbox.value.map(({ event, message }) => ({ event, message })) : inbox;
  expect(messages).toEqual([
    { event: 'news', message: { text: 'to ann' } },
    { event: 'news', message: { name: 'to all' } },
  ]);
});

/** What blocks declare that tests look at. */
interface Declared {
  readonly socket: Socket;
  readonly client: Client;
  readonly room: Room;
  readonly online: ReadonlySet<string>;
  readonly users: Awaited<ReturnType<Client['presence']>>;
}

/** Runs a block in the folder of a project, against that project; resolves with what it declares at its top. */
async function runBlock(project: { dir: string; url: string }, code: string, names: string): Promise<Declared> {
  const file = join(project.dir, 'block.mjs');
  const moved = code.replace(/http:\/\/localhost:6003|https:\/\/example\.com(?=')/, project.url);
  await writeFile(file, `${moved}\nexport { ${names} };\n`);
  return import(/* @vite-ignore */ file);
}

test('the page of the guide to presence knows who is online', async () => {
  const project = await startWith(
    { 'hooks/agent.js': "import { defineAgent } from 'gopush';\nexport default defineAgent(() => 'ann');\n" },
    { pushServer: { presenceEvents: true, graceMs: 0 } },
  );
  const { online, client, room } = await runBlock(project, blockWith('presence', 'onPresence'), 'online, client, room');
  onTestFinished(() => client.close());
  await room.joined;
  await expect.poll(() => [...online]).toEqual(['ann']);
});

const annAlways = "import { defineAgent } from 'gopush';\nexport default defineAgent(() => 'ann');\n";

test('a page of the guide to rooms joins, publishes and hears the room', async () => {
  const project = await startWith({ 'hooks/agent.js': annAlways });
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  onTestFinished(() => log.mockRestore());
  const { client } = await runBlock(project, blockWith('rooms', 'client.join('), 'client');
  onTestFinished(() => client.close());
  await project.push?.toRoom('lobby', 'chat', { text: 'to all' });
  await expect.poll(() => log.mock.calls).toContainEqual([null, { text: 'to all' }, expect.anything()]);
});

test('what back ends in the guides send by HTTP arrives', async () => {
  const key = 'a-key-of-at-least-24-characters';
  vi.stubEnv('GOPUSH_API_KEY', key);
  const project = await startWith(
    { 'hooks/agent.js': annAlways },
    { api: { keys: [{ name: 'shop', key, scopes: ['publish'] }] } },
  );
  await runBlock(project, blockWith('rooms', "message: { text: 'the shop opens' }"), '');
  await runBlock(
    { ...project, dir: `${project.dir}/hooks` },
    blockWith('push', "deliver: 'store', id: 'invoice-17' }),"),
    '',
  );
  const history = await project.push?.history('lobby', 0, 10);
  expect(history?.ok === true && history.value.messages.map(({ message }) => message)).toEqual([
    { text: 'the shop opens' },
  ]);
  const waiting = await project.push?.inbox.pending('ann', 10);
  expect(waiting?.ok === true && waiting.value.map(({ message }) => message)).toEqual([{ number: 17 }]);
});

test('the page in docs/protocol.md publishes', async () => {
  const project = await startWith({ 'hooks/agent.js': annAlways });
  const [block] = codeBlocks('docs/protocol.md').filter(({ code }) => code.includes("io('https://example.com')"));
  const { client } = await runBlock(project, block?.code ?? '', 'client');
  onTestFinished(() => client.close());
  const history = await project.push?.history('lobby', 0, 10);
  expect(history?.ok === true && history.value.messages.map(({ message }) => message)).toEqual(['hello']);
});

test('the pages in docs/migrating.md do what they did with Pusher and Centrifugo', async () => {
  const project = await startWith({ 'hooks/agent.js': annAlways });
  const blocks = codeBlocks('docs/migrating.md').filter(({ code }) => code.includes('createClient('));
  const [pusher = '', centrifugo = ''] = blocks.map(({ code }) => code);
  const left = await runBlock(project, pusher, 'client, socket');
  onTestFinished(() => void left.socket.disconnect());
  expect(await project.push?.presence.room('news')).toEqual({ ok: true, value: [] });
  const there = await runBlock({ ...project, dir: `${project.dir}/hooks` }, centrifugo, 'client, users');
  onTestFinished(() => there.client.close());
  expect(there.users).toEqual([{ uid: 'ann', devices: 1 }]);
});

test('a page of the guide to user push gets pushes, and what waited in the inbox', async () => {
  const project = await startWith({
    'hooks/agent.js': "import { defineAgent } from 'gopush';\nexport default defineAgent(() => 'ann');\n",
  });
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  onTestFinished(() => log.mockRestore());
  await project.push?.toUser('ann', 'invoice', { number: 17 }, { deliver: 'store', id: 'invoice-17' });
  const { socket } = await runBlock(project, blockWith('push', 'client.inbox'), 'socket');
  onTestFinished(() => void socket.disconnect());
  await expect.poll(() => log.mock.calls).toContainEqual(['invoice-17', 'invoice', { number: 17 }, expect.any(Date)]);
  await expect.poll(async () => (await project.push?.inbox.pending('ann', 10))?.ok).toBe(true);
  await project.push?.toUser('ann', 'news', { text: 'hello' });
  await expect.poll(() => log.mock.calls).toContainEqual(['hello']);
});

test('the tests of the guide to testing pass', async () => {
  const { dir } = await startWith({
    'hooks/agent.js': trusting,
    'hooks/server.js':
      "import { defineServer } from 'gopush';\nexport default defineServer({ canJoin: ({ uid }, room) => room === 'user:' + uid });\n",
  });
  const tests = codeBlocks('docs/guides/testing.md').filter(({ language }) => language === 'js');
  for (const [index, { code }] of tests.entries()) await writeFile(join(dir, `${index}.test.js`), code);
  const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined };
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap'], {
    cwd: dir,
    env,
  });
  expect(stdout).toMatch(/^# pass 3$/m);
});
