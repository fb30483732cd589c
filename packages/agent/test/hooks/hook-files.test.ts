import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ConfigInput } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { checkHooks } from '../../src/hooks/check-hooks.ts';
import { type Agent, startAgent } from '../../src/start/start-agent.ts';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startEchoTarget, startTarget } from '../support/target.ts';

async function makeProject(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-hooks-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await Promise.all(Object.entries(files).map(([name, text]) => write(dir, name, text)));
  return dir;
}

async function write(dir: string, name: string, text: string): Promise<void> {
  const path = join(dir, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function uidOf(agent: Agent): Promise<string> {
  const answer = await send(agent.url);
  return answer.status === 200 ? decodeURIComponent(JSON.parse(answer.body).headers['x-gopush-uid']) : codeOf(answer);
}

async function startWithFiles(files: Readonly<Record<string, string>>, config: ConfigInput = {}) {
  const target = await startTarget();
  const router = `module.exports = { default: { ip: '127.0.0.1', port: ${target.port} } };`;
  const dir = await makeProject({ 'hooks/router.js': router, ...files });
  const memory = createMemoryLog();
  const agent = await startTestAgent({ dir, environment: 'local' }, config, memory.log);
  return { agent, dir, ...memory };
}

test.each([
  [
    'CommonJS',
    'agent.js',
    `module.exports = (req) => require('./who.js').who(req);`,
    'module.exports = { who: () => "ann" };',
  ],
  [
    'an ES module',
    'agent.mjs',
    `import { who } from './who.js'; export default (req) => who(req);`,
    'export const who = () => "ann";',
  ],
  [
    'TypeScript',
    'agent.ts',
    `import { who } from './who.js'; export default (req: { url: string }): string => who(req);`,
    'export const who = () => "ann";',
  ],
  [
    'CommonJS in TypeScript',
    'agent.cts',
    `import who = require('./who.js'); export = (req: { url: string }) => who.who(req);`,
    'module.exports = { who: () => "ann" };',
  ],
])('a hook may be %s, with what it imports', async (_name, file, text, helper) => {
  const { agent } = await startWithFiles({ [`hooks/${file}`]: text, 'hooks/who.js': helper });
  expect(await uidOf(agent)).toBe('ann');
});

test('the file of the environment comes before the general one', async () => {
  const { agent } = await startWithFiles({
    'hooks/agent.js': 'module.exports = () => "general";',
    'hooks/agent.local.js': 'module.exports = () => "local";',
    'hooks/agent.production.js': 'module.exports = () => "production";',
  });
  expect(await uidOf(agent)).toBe('local');
});

test('hook/, the folder of gopush 0.1, with its files as they were', async () => {
  const target = await startEchoTarget();
  const dir = await makeProject({
    'hook/agent.local.js': `module.exports = (app) => { app.use((req, res, next) => { res.locals.uid = req.cookies.uid; next(); }); };`,
    'hook/onupgrade.local.js': `module.exports = (req) => Promise.resolve(/uid=(\\w+)/.exec(req.headers.cookie)[1]);`,
    'hook/router.local.js': `module.exports = { default: [{ ip: '127.0.0.1', ports: [${target.port}] }] };`,
  });
  const agent = await startTestAgent({ dir, environment: 'local' });
  const answer = await send(agent.url, { headers: { cookie: 'uid=ann' } });
  expect(JSON.parse(answer.body).headers['x-gopush-uid']).toBe('ann');
  const raw = await openRaw(agent.port, handshakeBytes('/', { Cookie: 'uid=bob' }));
  await raw.until(/"x-gopush-uid":"bob"/);
});

test('each file of a hook keeps its own __dirname and import.meta.url', async () => {
  const { agent } = await startWithFiles({
    'hooks/agent.mjs': `import { dirname } from 'node:path'; import { fileURLToPath } from 'node:url'; import { place } from '../lib/place.cjs';
      const __dirname = dirname(fileURLToPath(import.meta.url));
      export default () => [__dirname, place].map((path) => path.split('/').at(-1)).join('+');`,
    'lib/place.cjs': 'module.exports = { place: __dirname };',
  });
  expect(await uidOf(agent)).toBe('hooks+lib');
});

test('a missing hook is said at start, with the command that makes it', async () => {
  const { agent, lines } = await startWithFiles({});
  const said = lines.filter((line) => line.level === 'warn').map((line) => line.message);
  expect(said).toEqual([
    expect.stringMatching(/no agent hook.*gopush add hook agent/),
    expect.stringMatching(/no onupgrade hook.*gopush add hook onupgrade/),
  ]);
  expect(await uidOf(agent)).toBe('uid_missing');
});

test.each([
  ['a syntax error', { 'hooks/agent.js': 'module.exports = (req => {' }, /agent\.js: line 1, column 27: /],
  [
    'a file that throws',
    { 'hooks/agent.js': 'throw new Error("no database")' },
    /agent\.js: it throws when loaded: no database/,
  ],
  ['a missing import', { 'hooks/agent.mjs': 'import "./nowhere.js"' }, /agent\.mjs: line 1, .*nowhere/],
  [
    'top-level await',
    { 'hooks/agent.mjs': 'await 1; export default () => 1' },
    /agent\.mjs: line 1, .*[Tt]op-level await/,
  ],
  ['no function', { 'hooks/agent.js': 'module.exports = "ann"' }, /agent\.js: found text, wanted a function/],
  ['nothing exported', { 'hooks/onupgrade.js': '' }, /onupgrade\.js: found an object, wanted a function/],
  [
    'a middleware for upgrades',
    { 'hooks/onupgrade.js': 'module.exports = (req, res, next) => next();' },
    /onupgrade\.js: found a function of three arguments, like an Express app or middleware, wanted a function \(request\) => uid/,
  ],
  [
    'a router that is a list',
    { 'hooks/router.js': 'module.exports = []' },
    /router\.js: found a list, wanted an object of products/,
  ],
  [
    'a product with a wrong port',
    { 'hooks/router.js': 'module.exports = { chat: { ip: "a", port: 0 } }' },
    /router\.js: chat: port of a must be/,
  ],
  [
    'a product that is text',
    { 'hooks/router.js': 'module.exports = { chat: "there" }' },
    /router\.js: chat: .*wanted a function/,
  ],
  ['two files for one hook', { 'hooks/agent.js': '', 'hooks/agent.ts': '' }, /agent\.js: agent\.ts exists too/],
  [
    'an app hook that throws',
    { 'hooks/agent.js': 'module.exports = (app) => { app.use(nothing) }' },
    /agent\.js: it throws when called with the app: nothing is not defined/,
  ],
])('%s stops the start and names file and fault', async (_name, files: Record<string, string>, message) => {
  const dir = await makeProject(files);
  await expect(startAgent({ config: { agentPort: 0 }, hooks: { dir, environment: 'local' } })).rejects.toThrow(message);
  const { hooks } = await checkHooks({ dir, environment: 'local' });
  expect(hooks.filter((hook) => hook.problem !== undefined)).toEqual([
    expect.objectContaining({ problem: expect.stringMatching(message) }),
  ]);
});

test.each([
  ['(req) => req.cookies.uid', 'req.cookies'],
  ['async (req) => req.headers["x-user"]', 'an async function'],
  ['({ headers }) => headers["x-user"]', 'destructuring'],
  ['(req) => { try { return req.headers["x-user"]; } catch { return null; } }', 'a function that catches'],
  ['() => "ann"', 'no argument'],
  ['(req) => String(Boolean(req)) && "ann"', 'a function that reads nothing'],
])('%s is known as a function of the request', async (text) => {
  const { agent } = await startWithFiles({ 'hooks/agent.js': `module.exports = ${text};` });
  const answer = await send(agent.url, { headers: { 'x-user': 'ann', cookie: 'uid=ann' } });
  expect(JSON.parse(answer.body).headers['x-gopush-uid']).toBe('ann');
});

test('an edit is taken up, one of an imported file too, and a request in flight ends with the hook it began with', async () => {
  const { agent, dir, next } = await startWithFiles({
    'hooks/agent.js': `const { name } = require('../lib/name.js');
      module.exports = async (req) => { if (req.url === '/wait') await new Promise((r) => globalThis.release = r); return name; };`,
    'lib/name.js': 'exports.name = "one";',
  });
  expect(await uidOf(agent)).toBe('one');
  const waiting = send(`${agent.url}/wait`);
  await expect.poll(() => 'release' in globalThis).toBe(true);
  await write(dir, 'lib/name.js', 'exports.name = "two";');
  await next(/hooks reloaded/);
  expect(await uidOf(agent)).toBe('two');
  (globalThis as unknown as { release: () => void }).release();
  expect(JSON.parse((await waiting).body).headers['x-gopush-uid']).toBe('one');
});

test('an app hook is swapped whole, and kept connections go on', async () => {
  const app = (uid: string) =>
    `module.exports = (app) => app.use((req, res, next) => { res.locals.uid = "${uid}"; next(); });`;
  const { agent, dir, next } = await startWithFiles({ 'hooks/agent.js': app('one') });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await raw.until(/"x-gopush-uid":"one"/);
  await write(dir, 'hooks/agent.js', app('two'));
  await next(/hooks reloaded/);
  raw.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await raw.until(/"x-gopush-uid":"two"/);
});

test('a plain hook that an edit makes an app is taken up', async () => {
  const { agent, dir, next } = await startWithFiles({ 'hooks/agent.js': 'module.exports = () => "one";' });
  const app =
    'module.exports = (app) => app.use((req, res, next) => { res.locals.uid = req.get("host") && "two"; next(); });';
  await write(dir, 'hooks/agent.js', app);
  await next(/hooks reloaded/);
  expect(await uidOf(agent)).toBe('two');
});

test('a broken edit keeps the last good hook, is said once, and the mended one is taken up', async () => {
  const { agent, dir, lines, next } = await startWithFiles({ 'hooks/agent.js': 'module.exports = () => "one";' });
  await write(dir, 'hooks/agent.js', 'module.exports = () => {');
  expect((await next(/not reloaded/)).fields.problem).toMatch(/agent\.js: line 1/);
  expect(await uidOf(agent)).toBe('one');
  // Saved again, as broken as before.
  await write(dir, 'hooks/agent.js', 'module.exports = () => {');
  await write(dir, 'hooks/agent.js', 'module.exports = () => "two";');
  await next(/hooks reloaded/);
  expect(await uidOf(agent)).toBe('two');
  expect(lines.filter((line) => /not reloaded/.test(line.message))).toHaveLength(1);
});

test('a hook file that is new while running is taken up', async () => {
  const { agent, dir, next } = await startWithFiles({});
  expect(await uidOf(agent)).toBe('uid_missing');
  await write(dir, 'hooks/agent.local.ts', 'export default (): string => "new";');
  await next(/hooks reloaded/);
  expect(await uidOf(agent)).toBe('new');
});

test('hooks are left as they are when watching is off', async () => {
  const { agent, dir } = await startWithFiles(
    { 'hooks/agent.js': 'module.exports = () => "one";' },
    { hooks: { watch: false } },
  );
  await write(dir, 'hooks/agent.js', 'module.exports = () => "two";');
  expect(await uidOf(agent)).toBe('one');
});
