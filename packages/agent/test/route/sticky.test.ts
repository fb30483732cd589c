import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStickySignatures, isHandshake, readSid } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { readMetrics, withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { type Answer, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startEchoTarget, startTarget, type TestTarget } from '../support/target.ts';

const secret = 'a secret of the tests';
const handshake = '/socket.io/?EIO=4&transport=polling';

async function startTargets(): Promise<[TestTarget, TestTarget]> {
  return Promise.all([startTarget(), startTarget()]);
}

/** The one of these that got a request since. */
async function servedBy(targets: readonly TestTarget[], ask: () => Promise<unknown>): Promise<TestTarget | undefined> {
  const before = targets.map(({ requests }) => requests.length);
  await ask();
  return targets.find(({ requests }, index) => requests.length > (before[index] ?? 0));
}

function cookieOf({ headers }: Answer): string | undefined {
  return headers['set-cookie']?.map((one) => one.split(';')[0]).join();
}

test('the mark of a session takes it to its target, whatever the policy would choose', async () => {
  const targets = await startTargets();
  const agent = await startTestAgent(hooksTo({ default: targets }), { access: { secrets: [secret] } });
  const marks = createStickySignatures(() => [secret]);
  for (const target of [...targets, ...targets]) {
    const mark = marks.issue('default', `127.0.0.1:${target.port}`, 'ann');
    expect(await servedBy(targets, () => send(`${agent.url}${handshake}&sid=abc.${mark}`))).toBe(target);
  }
});

test('a session whose target is gone goes to another one, and is counted as one that had to begin again', async () => {
  const [gone, other] = await startTargets();
  const agent = await startTestAgent(hooksTo({ default: [gone, other] }), {
    access: { secrets: [secret] },
    ...withAdmin,
  });
  gone.server.close();
  const mark = createStickySignatures(() => [secret]).issue('default', `127.0.0.1:${gone.port}`, 'ann');
  expect(await servedBy([gone, other], () => send(`${agent.url}${handshake}&sid=abc.${mark}`))).toBe(other);
  expect((await readMetrics(agent)).get('move_fallbacks_total{cause="polling"}')).toBe(1);
});

test('with two secrets a mark of the old one is known, and new ones are of the new one', async () => {
  const targets = await startTargets();
  const agent = await startTestAgent(hooksTo({ default: targets }), {
    access: { secrets: ['the next secret of all', secret] },
  });
  const old = createStickySignatures(() => [secret]);
  for (const target of targets) {
    const mark = old.issue('default', `127.0.0.1:${target.port}`, 'ann');
    expect(await servedBy(targets, () => send(`${agent.url}${handshake}&sid=abc.${mark}`))).toBe(target);
  }
  const target = (await servedBy(targets, () => send(`${agent.url}${handshake}`))) as TestTarget;
  const mark = String(target.requests.at(-1)?.headers['x-gopush-sticky']);
  const name = `127.0.0.1:${target.port}`;
  expect(createStickySignatures(() => ['the next secret of all']).matches(mark, 'default', name, 'ann')).toBe(true);
  expect(old.matches(mark, 'default', name, 'ann')).toBe(false);
});

test.each([
  [
    'of another secret',
    (name: string) => createStickySignatures(() => ['a secret of somebody']).issue('default', name, 'ann'),
  ],
  ['of no secret', (name: string) => createStickySignatures(() => ['']).issue('default', name, 'ann')],
  ['of another user', (name: string) => createStickySignatures(() => [secret]).issue('default', name, 'bob')],
  ['of another product', (name: string) => createStickySignatures(() => [secret]).issue('other', name, 'ann')],
  ['that somebody made up', () => 'AAAAAAAAAAAAAAAAAAAAAA'],
])('a mark %s is ignored, in a sid and in a cookie', async (_name, forge) => {
  const targets = await startTargets();
  const router = { default: { targets, sticky: 'cookie' } } as const;
  const agent = await startTestAgent(hooksTo(router), { access: { secrets: [secret] } });
  const chosen = await servedBy(targets, () => send(agent.url));
  for (const { port } of targets) {
    const mark = forge(`127.0.0.1:${port}`);
    expect(await servedBy(targets, () => send(`${agent.url}${handshake}&sid=abc.${mark}`))).toBe(chosen);
    const headers = { cookie: `gopush-target=${mark}` };
    expect(await servedBy(targets, () => send(agent.url, { headers }))).toBe(chosen);
  }
});

test("a client's own mark header does not reach the target", async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  await send(`${agent.url}/plain`, { headers: { 'x-gopush-sticky': 'forged' } });
  expect(target.requests[0]?.headers).not.toHaveProperty('x-gopush-sticky');
});

test('a cookie that keeps the client nowhere is replaced, one that does is not', async () => {
  const target = await startTarget();
  const router = { default: { targets: target, sticky: 'cookie' } } as const;
  const agent = await startTestAgent(hooksTo(router), { access: { secrets: [secret] } });
  const first = cookieOf(await send(agent.url));
  expect(first).toMatch(/^gopush-target=[\w-]{22}$/);
  expect(cookieOf(await send(agent.url, { headers: { cookie: first } }))).toBeUndefined();
  const stale = `gopush-target=${createStickySignatures(() => [secret]).issue('default', '127.0.0.1:1', 'ann')}`;
  expect(cookieOf(await send(agent.url, { headers: { cookie: stale } }))).toMatch(/^gopush-target=/);
});

test('a session that goes on stays with a target that left the list; one that begins does not go there', async () => {
  const targets = await Promise.all([startEchoTarget(), startEchoTarget()]);
  const named = new Set<TestTarget>(targets);
  const dir = await mkdtemp(join(tmpdir(), 'gopush-sticky-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const writeRouter = (): Promise<void> => {
    const list = [...named].map(({ port }) => ({ ip: '127.0.0.1', port }));
    const text = `module.exports = { default: { targets: ${JSON.stringify(list)}, sticky: 'cookie' } };`;
    return writeFile(join(dir, 'hooks', 'router.js'), text);
  };
  await mkdir(join(dir, 'hooks'));
  await writeFile(join(dir, 'hooks', 'agent.js'), `module.exports = () => 'ann';`);
  await writeRouter();
  const { log, next } = createMemoryLog();
  const agent = await startTestAgent({ dir, environment: 'local' }, { access: { secrets: [secret] } }, log);
  let cookie: string | undefined;
  const old = (await servedBy(targets, async () => {
    cookie = cookieOf(await send(`${agent.url}${handshake}`));
  })) as TestTarget;
  named.delete(old);
  const taken = next(/hooks reloaded/);
  await writeRouter();
  await taken;
  const headers = { cookie };
  expect(await servedBy(targets, () => send(`${agent.url}${handshake}&sid=abc`, { headers }))).toBe(old);
  expect(await servedBy(targets, () => send(`${agent.url}/page`, { headers }))).toBe(old);
  const [fresh] = named;
  const begins = () => send(`${agent.url}${handshake}`, { headers });
  expect(await servedBy(targets, begins)).toBe(fresh);
  const upgrades = async (path: string) => {
    const raw = await openRaw(agent.port, handshakeBytes(path, { Cookie: cookie ?? '' }));
    return raw.until(/^HTTP\/1\.1 101[\s\S]*?\r\n\r\n/);
  };
  let answered = '';
  expect(
    await servedBy(targets, async () => {
      [answered] = await upgrades('/raw');
    }),
  ).toBe(fresh);
  expect(answered).toMatch(/set-cookie: gopush-target=/);
  expect(await servedBy(targets, () => upgrades(`${handshake}&sid=abc`))).toBe(old);
});

test('other parameters whose names end with sid are no session', () => {
  expect(readSid('/?rsid=1&EIO=4&sid=abc.def&t=1')).toBe('abc.def');
  expect(readSid('/?rsid=1&EIO=4')).toBeUndefined();
  expect(readSid('/sid=1')).toBeUndefined();
  expect(isHandshake('/?rsid=1&EIO=4')).toBe(true);
  expect(isHandshake('/?EIO=4&sid=a')).toBe(false);
  expect(isHandshake('/?xEIO=4')).toBe(false);
});
