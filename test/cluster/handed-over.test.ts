import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lookAt, projectFolder, startCluster } from '../support/cluster.ts';
import { connectClient } from '../support/socket-io.ts';

/** What is summed, for `toMatchObject` alone would say nothing of the sum. */
function sumOf<K extends string>(rows: readonly Readonly<Record<K, number>>[], key: K): number {
  return rows.reduce((sum, row) => sum + row[key], 0);
}

test('the lines of the map tell which connections were handed over and their messages, until these end', async () => {
  const dir = join(await projectFolder(), 'hand-off');
  const { agent, servers } = await startCluster({ handOff: { enabled: true, dir } });
  const connect = (transport: 'websocket' | 'polling') => (_: unknown, index: number) =>
    connectClient(agent.url, transport, { query: { user: `${transport}-${index}` } });
  const handed = await Promise.all(Array.from({ length: 6 }, connect('websocket')));
  await Promise.all(Array.from({ length: 2 }, connect('polling')));
  await Promise.all(handed.map((client) => client.emitWithAck('go:join', 'hall')));
  // About 50 messages a second to each of six, also where a busy machine lets this process run a few times a second only.
  let sent = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    const due = (performance.now() - began) / 20;
    for (let left = 10; left > 0 && sent < due; left--, sent++) void servers[0]?.push.toRoom('hall', 'n', 1);
  }, 20);
  const linesOf = async () => {
    const { links, products } = await lookAt(agent);
    const [link] = links.filter(({ product }) => product === 'default');
    return { link, targets: products.find(({ product }) => product === 'default')?.targets ?? [] };
  };
  await expect.poll(async () => (await linesOf()).link?.perSecond ?? 0, { timeout: 30_000 }).toBeGreaterThan(60);
  const { link, targets } = await linesOf();
  expect(link).toMatchObject({ handedOff: 6 });
  expect(link?.connections).toBeGreaterThanOrEqual(6);
  expect(sumOf(targets, 'handedOff')).toBe(6);
  // Sessions take their connections along.
  const given = await (await fetch(`${servers[0]?.adminUrl}/drain`, { method: 'PUT' })).text();
  expect(given).toMatch(/sessions were given/);
  await expect
    .poll(async () => (await linesOf()).targets.map(({ handedOff }) => handedOff).toSorted(), { timeout: 30_000 })
    .toEqual([0, 6]);
  const { unread, problems } = await lookAt(agent);
  expect([unread, problems]).toEqual([0, []]);
  clearInterval(timer);
  for (const client of handed) client.disconnect();
  // Messages that they carried meanwhile are not counted again at their end, as if all were of one second.
  const rates: number[] = [];
  await expect
    .poll(
      async () => {
        const now = await linesOf();
        rates.push(now.link?.perSecond ?? 0);
        return [now.link?.handedOff, sumOf(now.targets, 'handedOff'), Math.floor(now.link?.perSecond ?? 0) < 20];
      },
      { timeout: 30_000 },
    )
    .toEqual([0, 0, true]);
  expect(Math.max(...rates)).toBeLessThan(1_000);
});
