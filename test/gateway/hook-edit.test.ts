import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient, nextEvent, openClient } from '../support/socket-io.ts';

test('a hook edit under live traffic: new connections use it, old ones stay', async () => {
  const servers = await startPushServers(1);
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const write = (name: string, text: string) => writeFile(join(dir, 'hooks', name), text);
  await mkdir(join(dir, 'hooks'));
  await write('router.js', `module.exports = { default: ${JSON.stringify(targetsOf(servers))} };`);
  await write('agent.js', 'module.exports = (req) => "one-" + req.query.user;');
  const agent = await startTestAgent({ dir, environment: 'local' });
  const uidOfNew = async (): Promise<string> => {
    const client = openClient(agent.url, 'websocket', { query: { user: 'x' } });
    const { uid } = await nextEvent<{ uid: string }>(client, 'go:welcome');
    client.disconnect();
    return uid;
  };

  const old = await Promise.all(['ann', 'bob'].map((user) => connectClient(agent.url, 'upgrade', { query: { user } })));
  const dropped: string[] = [];
  for (const client of old) client.on('disconnect', (reason) => dropped.push(reason));
  let acks = 0;
  let editing = true;
  const traffic = Promise.all(
    old.map(async (client) => {
      while (editing) {
        await client.emitWithAck('room', { room: 'lobby' });
        acks++;
      }
    }),
  );

  expect(await uidOfNew()).toBe('one-x');
  await write('agent.js', 'module.exports = (req) => "two-" + req.query.user;');
  await expect.poll(uidOfNew, { timeout: 10_000 }).toBe('two-x');
  await write('agent.js', 'module.exports = (req) => {');
  // Something must be waited for to see that nothing happened: an edit that does work, after the broken one.
  expect(await uidOfNew()).toBe('two-x');
  await write('agent.js', 'module.exports = (req) => "three-" + req.query.user;');
  await expect.poll(uidOfNew, { timeout: 10_000 }).toBe('three-x');

  editing = false;
  await traffic;
  expect(dropped).toEqual([]);
  expect(acks).toBeGreaterThan(10);
});
