import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { filesOf } from '../src/channel/folder.ts';
import { openGivers } from '../src/giver/open-givers.ts';
import { DescriptorSocket } from '../src/system/descriptor-socket.ts';
import { type Libc, loadLibc } from '../src/system/libc.ts';
import { openFront, temporaryFolder, upgradeRequest } from './support/front.ts';
import { freePort, takeHere } from './support/taker.ts';

/** Connections of clients, as a server has them. */
async function acceptClients(count: number): Promise<Socket[]> {
  const accepted: Socket[] = [];
  const listener = createServer({ pauseOnConnect: true }, (socket) => void accepted.push(socket));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const clients: Socket[] = [];
  onTestFinished(() => {
    for (const socket of [...clients, ...accepted]) socket.destroy();
    listener.close();
  });
  while (clients.length < count) {
    // Fewer than may wait to be accepted.
    for (let index = 0; index < 100; index++) {
      clients.push(connect((listener.address() as AddressInfo).port, '127.0.0.1').on('error', () => {}));
    }
    await expect.poll(() => accepted.length).toBe(clients.length);
  }
  return accepted;
}

test('of more clients than can be offered at a time all wait for their turn', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const { taken } = await takeHere(dir, port);
  const giver = await (await openFront(dir, port)).giver();
  const clients = await acceptClients(700);
  const shared = { kind: 'upgrade', head: Buffer.from(upgradeRequest), record: Buffer.alloc(0) } as const;
  const refused: unknown[] = [];
  const responses = clients.map(async (client) => {
    const outcome = await giver.offer({ client, ...shared, timeoutMs: 30_000 });
    if (outcome.ok) outcome.value.withdraw();
    else refused.push(outcome);
  });
  await Promise.all(responses);
  expect(refused).toEqual([]);
  expect(taken.length).toBe(700);
});

test('clients that come in quick succession, one in each turn, share packets', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  await takeHere(dir, port);
  const giver = await (await openFront(dir, port)).giver();
  const clients = await acceptClients(100);
  const send = vi.spyOn(DescriptorSocket.prototype, 'send');
  onTestFinished(() => send.mockRestore());
  const responses: Promise<unknown>[] = [];
  for (const client of clients) {
    const offer = { client, kind: 'upgrade', head: Buffer.from(upgradeRequest), record: Buffer.alloc(0) } as const;
    responses.push(
      giver.offer({ ...offer, timeoutMs: 30_000 }).then((outcome) => outcome.ok && outcome.value.withdraw()),
    );
    await turn();
  }
  await Promise.all(responses);
  const sizes = send.mock.calls.map(([tags]) => tags.length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100);
  // The first one waits for nothing.
  expect(sizes[0]).toBe(1);
  expect(sizes.length).toBeLessThan(90);
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
