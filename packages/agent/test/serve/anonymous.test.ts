import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  anonymous,
  type ConfigInput,
  defineAgentApp,
  type Hooks,
  isIdentitySigned,
  type UidHook,
} from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startEchoTarget, startTarget, type TestTarget } from '../support/target.ts';

const secret = '0123456789abcdef';

/** Users have a cookie; who has none is anonymous. */
const visitors: UidHook = ({ cookies }) => cookies.uid ?? anonymous;
const app = defineAgentApp((express) => {
  express.use((request, response, next) => {
    response.locals.uid = visitors(request as never);
    next();
  });
});

const status = async (port: number, path: string, headers: Record<string, string> = {}): Promise<number> => {
  const raw = await openRaw(port, handshakeBytes(path, headers));
  return Number((await raw.until(/^HTTP\/1\.1 (\d+)/))[1]);
};

function last({ requests }: TestTarget) {
  return requests.at(-1) as TestTarget['requests'][number];
}

test.each([
  ['a function', { agent: visitors }],
  ['an Express app, and a function for upgrades', { agent: app, onupgrade: visitors }],
] as const)(
  '%s may say that a client is anonymous: targets get no uid, whatever the client claims',
  async (_name, hooks) => {
    const target = await startEchoTarget();
    const router = { default: { targets: target, identity: 'query+headers' as const } };
    const agent = await startTestAgent({ ...hooks, router }, { access: { secrets: [secret] } });
    const claims = { 'X-Gopush-Uid': 'admin', x_gopush_uid: 'admin', 'X-Gopush-Product': 'secret' };
    await send(`${agent.url}/x?uid=admin&%75id=admin&a=1`, { headers: claims });
    await status(agent.port, '/x?uid=admin&%75id=admin&a=1', claims);
    expect(target.requests).toHaveLength(2);
    for (const { url, headers } of target.requests) {
      expect(url).toBe('/x?a=1');
      expect(Object.keys(headers).filter((name) => /uid/.test(name))).toEqual([]);
      expect(headers['x-gopush-product']).toBe('default');
      // Nobody can put a uid into what was signed without one.
      expect(isIdentitySigned([secret], headers, Date.now())).toBe(true);
      expect(isIdentitySigned([secret], { ...headers, 'x-gopush-uid': 'admin' }, Date.now())).toBe(false);
    }
    await send(agent.url, { headers: { Cookie: 'uid=anonymous' } });
    expect(last(target).headers['x-gopush-uid']).toBe('anonymous');
  },
);

test.each([
  ['another symbol', Symbol('gopush.anonymous'), 'uid_hook_bad_value'],
  ['its name', { anonymous: true }, 'uid_hook_bad_value'],
  ['nothing', undefined, 'uid_missing'],
  ['no text', '', 'uid_missing'],
])('a hook that returns %s does not say anonymous', async (_name, value, code) => {
  const agent = await startTestAgent({ agent: () => value as never, router: { default: await startTarget() } });
  expect(codeOf(await send(agent.url))).toBe(code);
});

test('a hook file without imports has the value as well', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const { ip, port } = await startTarget();
  await mkdir(join(dir, 'hooks'));
  await writeFile(join(dir, 'hooks/agent.js'), `module.exports = (request) => Symbol.for('gopush.anonymous');`);
  await writeFile(join(dir, 'hooks/router.js'), `module.exports = { default: { ip: '${ip}', port: ${port} } };`);
  const agent = await startTestAgent({ dir, environment: 'local' });
  const answer = await send(agent.url);
  expect([answer.status, JSON.parse(answer.body).headers['x-gopush-uid']]).toEqual([200, undefined]);
});

/** An agent whose hook identifies no client, and fails the test if it is called. */
async function startPublic(router: NonNullable<Hooks['router']>, config: ConfigInput = {}) {
  const asked: (string | undefined)[] = [];
  const hook: UidHook = ({ url }) => {
    asked.push(url);
    return undefined;
  };
  const memory = createMemoryLog();
  const agent = await startTestAgent({ agent: hook, router }, config, memory.log);
  return { agent, asked, memory };
}

test('no hook is asked for a public product, by HTTP or WebSocket', async () => {
  const target = await startEchoTarget();
  const { agent, asked, memory } = await startPublic({ signup: { targets: target, public: true } });
  const body = JSON.stringify({ name: 'ann' });
  const posted = await send(`${agent.url}/new?product=signup&uid=admin`, { method: 'POST', body });
  expect(posted.status).toBe(200);
  expect(last(target).url).toBe('/new?product=signup');
  const [hello] = await once(new WebSocket(`${agent.url}/live?product=signup`), 'message');
  expect(JSON.parse(String(hello)).headers['x-gopush-uid']).toBeUndefined();
  expect(asked).toEqual([]);
  for (const { fields } of memory.lines) expect(fields.uid).toBeUndefined();
  expect((await send(agent.url)).status).toBe(430);
  expect(await status(agent.port, '/')).toBe(403);
});

test('a route can be public, and other paths of its product are not; a product can be public, but not one route of it', async () => {
  const [web, files] = [await startEchoTarget(), await startEchoTarget()];
  const { agent, asked } = await startPublic({
    default: web,
    files: { targets: files, public: true },
    routes: [
      { path: '/signup', product: 'default', public: true },
      { path: '/files', product: 'files' },
      { path: '/files/private', product: 'files', public: false },
    ],
  });
  const statusOf = async (path: string): Promise<number> => (await send(agent.url + path, { path })).status;
  for (const path of ['/signup', '/signup/a?product=nothing', '/files/a.css']) {
    expect([path, await statusOf(path), await status(agent.port, path)]).toEqual([path, 200, 101]);
  }
  expect(asked).toEqual([]);
  for (const path of ['/', '/signups', '/Signup', '/files/private', '/files/private/x']) {
    const refused = [await statusOf(path), await status(agent.port, path)];
    expect([path, refused]).toEqual([path, path === '/Signup' ? [400, 400] : [430, 403]]);
  }
  for (const path of ['/signup/../x', '/signup/..%2fx', '/signup/%2e%2e/x', '/signup/..;/x', '/files/a/../private']) {
    expect([path, (await statusOf(path)) >= 400, (await status(agent.port, path)) >= 400]).toEqual([path, true, true]);
  }
});

test('a router with a wrong word for public names file, key, what was found and what is wanted', async () => {
  const target = { ip: '127.0.0.1', port: 1 };
  for (const [router, message] of [
    [{ web: { targets: target, public: 'yes' } }, /web: public: found yes, wanted true or false/],
    [{ web: target, routes: [{ path: '/a', product: 'web', public: 1 }] }, /public: found .*, wanted true or false/],
    [{ web: { targets: target, preflight: 'no' } }, /web: preflight: found no, wanted one of answer, pass/],
    [{ web: { targets: target, publik: true } }, /publik: .*public/],
  ] as const) {
    await expect(startTestAgent({ agent: () => 'ann', router: router as never })).rejects.toThrow(message);
  }
});

test('a function of the router is given no uid for who has none', async () => {
  const target = await startTarget();
  const uids: string[] = [];
  const route = (_request: unknown, uid: string) => {
    uids.push(uid);
    return target;
  };
  const agent = await startTestAgent({
    agent: visitors,
    router: { default: route, open: { targets: route, public: true } },
  });
  await send(agent.url);
  await send(`${agent.url}/?product=open`, { headers: { Cookie: 'uid=ann' } });
  await send(agent.url, { headers: { Cookie: 'uid=ann' } });
  expect(uids).toEqual(['', '', 'ann']);
});

test('anonymous clients are spread by their addresses, and each stays on its target', async () => {
  const targets = await Promise.all(Array.from({ length: 3 }, () => startTarget()));
  const agent = await startTestAgent(
    { agent: visitors, router: { default: targets } },
    { access: { trustedProxies: ['127.0.0.0/8'] } },
  );
  const targetOf = async (address: string): Promise<number> => {
    const before = targets.map(({ requests }) => requests.length);
    await send(agent.url, { headers: { 'X-Forwarded-For': address } });
    return targets.findIndex(({ requests }, index) => requests.length > (before[index] ?? 0));
  };
  const seen = new Set<number>();
  for (let index = 0; index < 20; index++) {
    const address = `203.0.113.${index}`;
    const first = await targetOf(address);
    expect(await targetOf(address)).toBe(first);
    seen.add(first);
  }
  expect(seen.size).toBe(3);
  expect(await targetOf('2001:db8:1:2::1')).toBe(await targetOf('2001:db8:1:2:ffff::9'));
});

test('limits of one uid do not take all anonymous clients for one', async () => {
  const agent = await startTestAgent(
    { agent: visitors, router: { default: await startEchoTarget() } },
    { limits: { tunnelsPerUid: 1 } },
  );
  for (let index = 0; index < 3; index++) expect(await status(agent.port, '/')).toBe(101);
  expect(await status(agent.port, '/', { Cookie: 'uid=ann' })).toBe(101);
  expect(await status(agent.port, '/', { Cookie: 'uid=ann' })).toBe(429);
});

test('a cookie keeps an anonymous client on its target, and is of no use to a user', async () => {
  const targets = await Promise.all(Array.from({ length: 4 }, () => startTarget()));
  const agent = await startTestAgent({
    agent: visitors,
    router: { default: { targets, sticky: 'cookie', choose: 'random-of-two' } },
  });
  const first = await send(agent.url);
  const [cookie = ''] = first.headers['set-cookie'] ?? [];
  const own = targets.findIndex(({ requests }) => requests.length === 1);
  const mark = cookie.split(';', 1)[0] ?? '';
  for (let index = 0; index < 8; index++) await send(agent.url, { headers: { Cookie: mark } });
  expect(targets[own]?.requests).toHaveLength(9);
  const asUser = await send(agent.url, { headers: { Cookie: `${mark}; uid=ann` } });
  expect(asUser.headers['set-cookie']).toHaveLength(1);
});
