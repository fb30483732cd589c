import { chmod, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStickySignatures, type Hooks } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { openStickyKeys } from '../../src/route/sticky-keys.ts';
import { type Agent, startAgent } from '../../src/start/start-agent.ts';
import { createMemoryLog, hooksTo } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startTarget, type TestTarget } from '../support/target.ts';

const handshake = '/socket.io/?EIO=4&transport=polling';

async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-sticky-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** An agent without secrets, of a project in this folder. */
async function startOpenAgent(dir: string, hooks: Hooks, sticky: 'sid' | 'cookie' = 'sid'): Promise<Agent> {
  const agent = await startAgent({
    config: {
      agentPort: 0,
      agent: { host: '127.0.0.1', drainMs: 100 },
      hold: { timeoutMs: 0 },
      limits: { eventLoopDelayMs: 0 },
      routing: { sticky },
    },
    hooks,
    dir,
  });
  onTestFinished(() => agent.close());
  return agent;
}

/** Shards of which a function names one for each user. */
async function startShards(shards: Record<string, 'first' | 'second' | 'none'>) {
  const targets = { first: await startTarget(), second: await startTarget(), none: null };
  for (const { server } of [targets.first, targets.second]) {
    server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 418 No\r\ncontent-length: 0\r\n\r\n'));
  }
  const agent = await startOpenAgent(
    await makeFolder(),
    { agent: ({ query }) => query.as, router: { default: (_request, uid) => targets[shards[uid] ?? 'none'] } },
    'cookie',
  );
  return { agent, shards, ...targets };
}

const signatureOf = (target: TestTarget): string => String(target.requests.at(-1)?.headers['x-gopush-sticky']);

test('a signature that a client computes herself takes her to no shard that the function does not name for her', async () => {
  const { agent, first, second } = await startShards({ ann: 'first', bob: 'second' });
  await send(`${agent.url}${handshake}&as=bob`);
  const before = second.requests.length;
  // With no key, and with all that is public as a key.
  for (const key of ['', 'gopush', 'default', `127.0.0.1:${second.port}`]) {
    for (const uid of ['ann', 'bob', '']) {
      const signature = createStickySignatures(() => [key]).issue('default', `127.0.0.1:${second.port}`, uid);
      await send(`${agent.url}${handshake}&as=ann&sid=x.${signature}`);
      await send(`${agent.url}/page?as=ann`, { headers: { cookie: `gopush-target=${signature}` } });
    }
  }
  expect(second.requests).toHaveLength(before);
  expect(first.requests).toHaveLength(24);
});

test('the signature of another user takes a client nowhere, by sid, cookie and upgrade', async () => {
  const { agent, first, second } = await startShards({ ann: 'first', bob: 'second' });
  await send(`${agent.url}${handshake}&as=bob`);
  const signature = signatureOf(second);
  const headers = { cookie: `gopush-target=${signature}` };
  await send(`${agent.url}${handshake}&as=ann&sid=x.${signature}`);
  await send(`${agent.url}/page?as=ann`, { headers });
  const bytes = handshakeBytes(`${handshake}&as=ann&sid=x.${signature}`, { Cookie: headers.cookie });
  expect(await (await openRaw(agent.port, bytes)).closed()).toMatch(/^HTTP\/1\.1 418 /);
  expect(first.requests).toHaveLength(3);
  expect(second.requests).toHaveLength(1);
});

test("a client's own signature takes her to no shard that the function has ceased to name for her, nor to any where it names none", async () => {
  const { agent, shards, first, second } = await startShards({ ann: 'first', bob: 'first' });
  await send(`${agent.url}${handshake}&as=ann`);
  const signature = signatureOf(first);
  await send(`${agent.url}${handshake}&as=ann&sid=x.${signature}`);
  expect(first.requests).toHaveLength(2);
  shards.ann = 'second';
  await send(`${agent.url}${handshake}&as=ann&sid=x.${signature}`);
  expect([first.requests.length, second.requests.length]).toEqual([2, 1]);
  shards.ann = 'none';
  expect(codeOf(await send(`${agent.url}${handshake}&as=ann&sid=x.${signature}`))).toBe('target_none');
  const upgrade = await openRaw(agent.port, handshakeBytes(`${handshake}&as=ann&sid=x.${signature}`));
  expect(await upgrade.closed()).toMatch(/^HTTP\/1\.1 503 [\s\S]*target_none/);
  expect([first.requests.length, second.requests.length]).toEqual([2, 1]);
});

test('without secrets the agents of one project know the signatures of each other, also after a restart', async () => {
  const [dir, target, other] = [await makeFolder(), await startTarget(), await startTarget()];
  const hooks = hooksTo({ default: { targets: [target, other], choose: 'least-connections' } });
  const [one, two] = await Promise.all([startOpenAgent(dir, hooks), startOpenAgent(dir, hooks)]);
  await send(`${one.url}${handshake}`);
  const home = target.requests.length > 0 ? target : other;
  const sid = `x.${signatureOf(home)}`;
  for (let time = 0; time < 8; time++) await send(`${two.url}${handshake}&sid=${sid}`);
  await two.close();
  const three = await startOpenAgent(dir, hooks);
  for (let time = 0; time < 8; time++) await send(`${three.url}${handshake}&sid=${sid}`);
  expect(home.requests).toHaveLength(17);
  expect((await stat(join(dir, '.gopush', 'sticky.key'))).mode & 0o777).toBe(0o600);
});

const openKeys = async (dir: string) => {
  const memory = createMemoryLog();
  const keys = await openStickyKeys({ secrets: [], store: undefined, dir, log: memory.log });
  return { key: keys.current()[0], warnings: memory.lines.filter(({ level }) => level === 'warn') };
};

test('of many agents that start at once all have the same key, and nothing else is left in the folder', async () => {
  const dir = await makeFolder();
  const opened = await Promise.all(Array.from({ length: 32 }, () => openKeys(dir)));
  expect(new Set(opened.map(({ key }) => key)).size).toBe(1);
  expect(opened.flatMap(({ warnings }) => warnings)).toEqual([]);
  expect(await readdir(join(dir, '.gopush'))).toEqual(['sticky.key']);
});

test.each([
  ['that others may read', (path: string) => chmod(path, 0o644), /mode is 644, wanted 600/],
  ['that holds something else', (path: string) => writeFile(path, 'short'), /contains no key/],
  [
    'that is a link',
    async (path: string) => {
      await rm(path);
      await symlink('/etc/hostname', path);
    },
    /ELOOP/,
  ],
] as const)(
  'a file of the key %s is not used: the agent warns, and has a key of its own',
  async (_name, spoil, why) => {
    const dir = await makeFolder();
    const { key } = await openKeys(dir);
    const path = join(dir, '.gopush', 'sticky.key');
    await spoil(path);
    const spoilt = await openKeys(dir);
    expect(spoilt.key).not.toBe(key);
    expect(spoilt.key).toMatch(/^[\w-]{43}$/);
    expect(spoilt.warnings).toEqual([
      expect.objectContaining({ fields: { file: path, problem: expect.stringMatching(why) } }),
    ]);
  },
);

test('where the folder cannot be written the agent warns, and has a key of its own', async () => {
  const dir = await makeFolder();
  await writeFile(join(dir, '.gopush'), 'a file where the folder should be');
  const [one, two] = [await openKeys(dir), await openKeys(dir)];
  expect(one.key).not.toBe(two.key);
  expect(one.warnings).toHaveLength(1);
});
