import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startAgent } from '@gopush/agent';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createProject } from '../../packages/create/src/create-project.ts';
import { linkPackages } from '../../packages/create/test/support/linked-packages.ts';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { makeFolder } from '../support/cli.ts';

const root = join(import.meta.dirname, '../..');

/** The agent hook of each chat, and where one signs up. */
const chats: Readonly<Record<string, { readonly path: string; readonly hook: () => Promise<string> }>> = {
  example: { path: '/api/sign-up', hook: async () => join(root, 'examples/chat/hooks/agent.js') },
  template: {
    path: '/accounts',
    async hook() {
      const folder = await makeFolder();
      await linkPackages(folder);
      await createProject({ dir: join(folder, 'app'), template: 'chat', typescript: false, force: false });
      return join(folder, 'app/hooks/agent.js');
    },
  },
};

test.each(Object.entries(chats).map(([name, chat]) => ({ name, ...chat })))(
  'while the Redis of its accounts is away or hangs, the chat $name asks to try again later, and then works',
  { timeout: 60_000 },
  async ({ path, hook }) => {
    const redis = await startRedis();
    vi.stubEnv('REDIS_URL', `redis://127.0.0.1:${redis.port}`);
    vi.stubEnv('SESSION_SECRET', 'a secret of thirty-two characters');
    vi.stubEnv('JWT_SECRET', 'a secret of thirty-two characters');
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.resetModules();
    const { default: agentHook } = await import(pathToFileURL(await hook()).href);
    const config = { agentPort: 0, admin: null, agent: { host: '127.0.0.1' } };
    const agent = await startAgent({ config, hooks: { agent: agentHook } });
    onTestFinished(() => agent.close());
    const signUp = async (name: string): Promise<[number, boolean]> => {
      const response = await fetch(`${agent.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, password: 'correct horse' }),
      });
      return [response.status, response.headers.has('retry-after')];
    };
    expect(await signUp('ann')).toEqual([201, false]);

    redis.pause();
    expect(await signUp('bob')).toEqual([503, true]);
    redis.resume();
    await expect.poll(() => signUp('cat')).toEqual([201, false]);

    await redis.kill();
    expect(await signUp('dan')).toEqual([503, true]);
    await redis.restart();
    await expect.poll(() => signUp('eve'), { timeout: 10_000 }).toEqual([201, false]);
  },
);
