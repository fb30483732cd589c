import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gopush, makeProject } from '../../../../test/support/cli.ts';
import { connectCounted, countedHistory } from '../../../../test/support/counted-clients.ts';
import { startPm2 } from '../../../../test/support/pm2.ts';
import { nextEvent, openClient } from '../../../../test/support/socket-io.ts';

/** Which push-servers serve new clients. */
async function serversOf(url: string): Promise<string[]> {
  const names = Array.from({ length: 24 }, async (_, index) => {
    const client = openClient(url, 'websocket', { query: { user: `new-${index}` } });
    const { server } = await nextEvent<{ server: string }>(client, 'go:welcome');
    client.disconnect();
    return server;
  });
  return [...new Set(await Promise.all(names))].sort();
}

test('pm2 scale, up and down to one: new push-servers get clients, and nobody who is connected notices; a reload of a broken hook is refused, and what runs goes on', {
  timeout: 240_000,
}, async () => {
  const { dir, url, fanoutDir } = await makeProject({
    agentWorkers: 1,
    serverWorkers: 2,
    pushServer: { drainMs: 10_000, history: countedHistory },
  });
  const { env, pm2, list } = await startPm2();
  expect((await gopush(['--dir', dir, 'pm2', 'start'], { env })).code).toBe(0);
  const clients = await connectCounted(url, 20);
  const name = (await list()).find((one) => one.name.endsWith('-push-server'))?.name as string;
  const nameOf = (index: number) => `push-server-${index}`;
  expect(await serversOf(url)).toEqual([0, 1].map(nameOf));
  await pm2('scale', name, '+1');
  await expect.poll(() => serversOf(url), { timeout: 20_000 }).toEqual([0, 1, 2].map(nameOf));
  // pm2 ends the oldest ones: the one that is left has a port that no setting names.
  await pm2('scale', name, '1');
  await expect.poll(() => serversOf(url), { timeout: 20_000 }).toEqual([2].map(nameOf));
  const before = (await list()).map(({ pid }) => pid);
  await writeFile(join(dir, 'hooks/router.local.js'), 'export default {');
  const { code, stdout, stderr } = await gopush(['--dir', dir, 'pm2', 'reload'], { env });
  expect([code, stderr]).toEqual([2, 'gopush: nothing was reloaded: fix this first\n']);
  expect(stdout).toMatch(/✗ hook router: .*router\.local\.js: line 1/);
  expect((await list()).map(({ pid }) => pid)).toEqual(before);
  expect(await serversOf(url)).toEqual([2].map(nameOf));
  expect(await clients.stop()).toEqual({ disconnects: 0, complete: 20 });
  expect((await gopush(['--dir', dir, 'pm2', 'stop'], { env })).code).toBe(0);
  expect(await readdir(fanoutDir)).toEqual([]);
});
