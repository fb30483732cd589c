import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anonymous } from 'gopush';
import { expect, onTestFinished, test } from 'vitest';
import { send } from '../../packages/agent/test/support/client.ts';
import { startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient, nextEvent, openClient } from '../support/socket-io.ts';

const visitors = ({ query }: { query: Readonly<Record<string, string | undefined>> }) => query.user ?? anonymous;

test.each([
  ['without secrets', {}],
  ['with secrets', { secrets: ['0123456789abcdef'] }],
])('push-servers %s serve files to anonymous clients, and take none of them for a user', async (_name, access) => {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'signup.html'), '<title>sign up</title>');
  const servers = await startPushServers(2, { access, pushServer: { publicDir: dir } });
  const router = { default: targetsOf(servers), open: { targets: targetsOf(servers), public: true } };
  const agent = await startTestAgent({ agent: visitors, router }, { access });
  for (const query of ['', '?product=open', '?uid=admin']) {
    expect([query, (await send(`${agent.url}/signup.html${query}`)).body]).toEqual([query, '<title>sign up</title>']);
  }
  for (const transport of ['websocket', 'polling'] as const) {
    for (const query of [
      {},
      { uid: 'admin' },
      { product: 'open', uid: 'admin' },
      { '%75id': 'admin' },
      { 'uid[]': 'admin' },
    ]) {
      const connecting = connectClient(agent.url, transport, { query });
      await expect(connecting, JSON.stringify(query)).rejects.toMatchObject({ data: { code: 'uid_missing' } });
    }
  }
  // A user may be called so.
  const client = openClient(agent.url, 'websocket', { query: { user: 'anonymous' } });
  expect(await nextEvent(client, 'go:welcome')).toMatchObject({ uid: 'anonymous' });
  const news = nextEvent(client, 'news');
  servers[1]?.push.toUser('anonymous', 'news', 1);
  await news;
});
