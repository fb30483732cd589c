import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { filesOf } from '../src/channel/folder.ts';
import { openGivers } from '../src/giver/open-givers.ts';
import { DescriptorSocket } from '../src/system/descriptor-socket.ts';
import { type Libc, loadLibc } from '../src/system/libc.ts';
import { openFront, temporaryFolder, upgradeRequest } from './support/front.ts';
import { freePort, takeHere } from './support/taker.ts';

test('of more clients than can be offered at a time all are handed over', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  await takeHere(dir, port);
  const front = await openFront(dir, port);
  await front.giver();
  const clients = Array.from({ length: 1_200 }, () => connect(front.port, '127.0.0.1'));
  onTestFinished(() => {
    for (const client of clients) client.destroy();
  });
  const responses = clients.map(async (client) => {
    client.on('error', () => {}).write(upgradeRequest);
    const [chunk] = await once(client, 'data');
    return String(chunk).slice(0, 12);
  });
  expect(new Set(await Promise.all(responses))).toEqual(new Set(['HTTP/1.1 101']));
  expect(front.refused).toEqual([]);
  await expect.poll(() => front.givers.size).toBe(1_200);
});

test('clients that come while the channel to a taker is being opened wait for it', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const front = await openFront(dir, port);
  expect(front.givers.opening(port)).toBeUndefined();
  await takeHere(dir, port);
  // So long may it take until the folder is read again.
  await expect
    .poll(async () => {
      await front.givers.opening(port);
      return front.givers.to(port) !== undefined;
    })
    .toBe(true);
  expect(front.givers.opening(port)).toBeUndefined();
});

test('a taker that says no welcome is not waited for', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const files = filesOf(dir, port, '00000000');
  const descriptors = DescriptorSocket.listen((await loadLibc()) as Libc, files.descriptors);
  const silent = createServer((socket) => void socket.on('error', () => {})).listen(files.messages);
  await once(silent, 'listening');
  onTestFinished(() => {
    descriptors.close();
    silent.close();
  });
  const givers = await openGivers({ dir, name: 'giver', events: { onTaker: () => {} } as never });
  onTestFinished(() => givers.close());
  const before = performance.now();
  await givers.opening(port);
  expect(performance.now() - before).toBeGreaterThan(90);
  expect(givers.to(port)).toBeUndefined();
  expect(givers.opening(port)).toBeUndefined();
});
