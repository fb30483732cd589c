import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigInput } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';

/** An agent with these hook files. */
async function startWith(files: Readonly<Record<string, string>>, config: ConfigInput = {}) {
  const target = await startTarget();
  const dir = await mkdtemp(join(tmpdir(), 'gopush-hooks-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'hooks'));
  const router = `module.exports = { default: { ip: '127.0.0.1', port: ${target.port} } };`;
  for (const [name, text] of Object.entries({ 'router.js': router, ...files }))
    await writeFile(join(dir, 'hooks', name), text);
  const { log, lines } = createMemoryLog();
  const agent = await startTestAgent({ dir, environment: 'local' }, config, log);
  const told = (): string[] =>
    lines.flatMap(({ level, fields }) =>
      ['warn', 'error'].includes(level) && fields.detail ? [String(fields.detail)] : [],
    );
  return { agent, told };
}

test.each([
  ['a function', '(req) => { req.cookies.uid; }', /agent\.js: it returned undefined.*wanted: return uid/],
  ['an async function', 'async (req) => { await req.cookies.uid; }', /agent\.js: it returned undefined/],
  [
    'a function with a return inside',
    '(req) => { [1].map(() => { return req.url; }); }',
    /agent\.js: it returned undefined/,
  ],
  ['a function that looks at nothing', '(req) => {}', /agent\.js: .*returned undefined/],
  [
    'an app that sets no uid',
    '(app) => { app.use((req, res, next) => next()); }',
    /agent\.js: it called next\(\) without setting res\.locals\.uid/,
  ],
])('an agent hook that forgets to return is named: %s', async (_what, hook, message) => {
  const { agent, told } = await startWith({ 'agent.js': `module.exports = ${hook};` });
  expect(codeOf(await send(agent.url))).toBe('uid_missing');
  expect(told()).toEqual([expect.stringMatching(message)]);
});

test('an onupgrade hook that forgets to return is named', async () => {
  const { agent, told } = await startWith({
    'agent.js': 'module.exports = () => "ann";',
    'onupgrade.js': 'module.exports = async (req) => { req.url; };',
  });
  expect(await (await openRaw(agent.port, handshakeBytes('/'))).closed()).toMatch(/uid_missing/);
  expect(told()).toEqual([expect.stringMatching(/onupgrade\.js: it returned undefined/)]);
});

test('a hook that has known a client is not suspected for one that it does not know; null is never', async () => {
  const { agent, told } = await startWith({
    'agent.js': 'module.exports = (req) => req.url === "/" ? "ann" : req.url === "/null" ? null : undefined;',
  });
  expect(codeOf(await send(`${agent.url}/null`))).toBe('uid_missing');
  expect((await send(agent.url)).status).toBe(200);
  expect(codeOf(await send(`${agent.url}/other`))).toBe('uid_missing');
  expect(told()).toEqual([]);
});

test('a middleware that neither responds nor calls next() is named, and so is a promise that is not settled', async () => {
  const config = { hooks: { timeoutMs: 50 } };
  const app = await startWith(
    { 'agent.js': 'module.exports = (app) => { app.use((req, res, next) => { res.locals.uid = "ann"; }); };' },
    config,
  );
  expect(codeOf(await send(app.agent.url))).toBe('uid_hook_timeout');
  expect(app.told()).toEqual([
    expect.stringMatching(/agent\.js: a middleware neither called next\(\) nor responded within 50 ms/),
  ]);
  const plain = await startWith({ 'agent.js': 'module.exports = (req) => new Promise(() => req.url);' }, config);
  expect(codeOf(await send(plain.agent.url))).toBe('uid_hook_timeout');
  expect(plain.told()).toEqual([
    expect.stringMatching(/agent\.js: the promise that it returned did not settle within 50 ms/),
  ]);
});

test.each([
  ['() => { ({ ip: "127.0.0.1", port: 1 }); }', /router\.js: default: it returned undefined; wanted targets, or null/],
  ['async () => {}', /router\.js: default: it returned undefined/],
])(
  'a router function that forgets to return (%s) is named at once, where its client waited for targets',
  async (hook, message) => {
    const files = {
      'agent.js': 'module.exports = () => "ann";',
      'router.js': `module.exports = { default: ${hook} };`,
    };
    const { agent, told } = await startWith(files, { hold: { timeoutMs: 40_000 } });
    const began = Date.now();
    expect(codeOf(await send(agent.url))).toBe('router_hook_bad_value');
    expect(Date.now() - began).toBeLessThan(30_000);
    expect(told()).toEqual([expect.stringMatching(message)]);
  },
);

test.each([
  ['Number("x")', 'found NaN,'],
  ['1 / 0', 'found Infinity,'],
  ['1.5', 'found 1.5,'],
  ['true', 'found a boolean,'],
  ['10n', 'found a bigint,'],
  ['["ann"]', 'found a list,'],
  ['({ uid: "ann" })', 'found an object; did you mean its uid?'],
  ['({ name: "ann" })', 'found an object,'],
  ['new Proxy({}, { getOwnPropertyDescriptor() { throw 1; } })', 'found an object,'],
  ['(() => "ann")', 'found a function that was not called,'],
  ['Symbol("ann")', 'found a symbol,'],
])('a hook that returns %s is named with what it returned', async (value, found) => {
  const { agent, told } = await startWith({ 'agent.js': `module.exports = (req) => (req.url, ${value});` });
  expect(codeOf(await send(agent.url))).toBe('uid_hook_bad_value');
  expect(told()).toEqual([expect.stringContaining(`agent.js: ${found}`)]);
});

test('a promise of a promise is its value', async () => {
  const { agent } = await startWith({
    'agent.js': 'module.exports = async (req) => Promise.resolve(Promise.resolve(req.url && "ann"));',
  });
  expect((await send(agent.url)).status).toBe(200);
});
