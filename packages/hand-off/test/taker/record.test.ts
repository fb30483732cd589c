import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import type { Giver } from '../../src/giver/givers.ts';
import { openFront, temporaryFolder, upgradeRequest } from '../support/front.ts';
import { fill, recordFiles } from '../support/record-files.ts';
import { freePort, takeHere } from '../support/taker.ts';

/** Bytes of buffers, after what nobody has any more is collected. */
async function bufferBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(setImmediate);
    runInNewContext('gc')();
  }
  return process.memoryUsage().arrayBuffers;
}

/** Hands connections of new clients over. @returns the clients, with a function for one more that resolves when it has what is written first */
async function openClients(giver: Giver<string>) {
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const clients: Socket[] = [];
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    listener.close();
  });
  const handOver = async (record: Buffer): Promise<string | undefined> => {
    const client = connect((listener.address() as AddressInfo).port, '127.0.0.1');
    clients.push(client);
    const got = once(client, 'data').then(String);
    const ended = once(client, 'close').then(() => undefined);
    const [accepted] = (await once(listener, 'connection')) as [Socket];
    const head = Buffer.from(upgradeRequest);
    const none = Buffer.alloc(0);
    const outcome = await giver.offer({ client: accepted, kind: 'upgrade', head, record: none, timeoutMs: 30_000 });
    if (!outcome.ok) throw new Error(outcome.detail);
    await outcome.value.accept({ user: 'a client', record, write: Buffer.from('first'), early: none });
    return Promise.race([got, ended]);
  };
  return { clients, handOver };
}

test('the record of a connection keeps no other bytes that came at the same time', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const { taken } = await takeHere(dir, port);
  const { clients, handOver } = await openClients(await (await openFront(dir, port)).giver());
  const one = async (): Promise<void> => {
    await handOver(Buffer.from(`record ${clients.length + 1} \xff`, 'latin1'));
    // Other buffers of the process: Node cuts small ones out of pieces of 8 KiB.
    for (let turn = 0; turn < 3; turn++) Buffer.allocUnsafe(4_000);
  };
  await one();
  const before = await bufferBytes();
  for (let turn = 0; turn < 40; turn++) await one();
  expect(((await bufferBytes()) - before) / 40).toBeLessThan(2_000);
  const records = taken.map((one) => (one as unknown as { readonly record: Buffer }).record.toString('latin1'));
  expect(records).toEqual(clients.map((_, index) => `record ${index + 1} \xff`));
});

test('a connection ends whose record finds no memory, and its giver learns why', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const before = new Set(recordFiles());
  const { taker } = await takeHere(dir, port);
  const [file] = recordFiles().filter((descriptor) => !before.has(descriptor));
  const front = await openFront(dir, port);
  const { handOver } = await openClients(await front.giver());
  fill(file as number);
  // The newest ones have a place of their own.
  for (let turn = 0; turn < 16; turn++) expect(await handOver(Buffer.alloc(16_384, turn))).toContain('first');
  expect(await handOver(Buffer.from('another record'))).toBeUndefined();
  while (front.told.length === 0) await new Promise(setImmediate);
  expect(front.told).toMatchObject([{ event: 'end', detail: { cause: 'no memory for its record' } }]);
  expect(taker.size).toBe(16);
});

test('the record of a connection that ends soon is not written, and the file is closed with its taker', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const before = new Set(recordFiles());
  const { taker, taken } = await takeHere(dir, port);
  const [file] = recordFiles().filter((descriptor) => !before.has(descriptor));
  const { clients, handOver } = await openClients(await (await openFront(dir, port)).giver());
  for (let turn = 0; turn < 20; turn++) {
    await handOver(Buffer.alloc(16_000, turn));
    clients[turn]?.destroy();
    while (taker.size > 0) await new Promise(setImmediate);
  }
  expect(taken).toHaveLength(20);
  expect(fstatSync(file as number).size).toBe(0);
  await taker.close();
  while (recordFiles().includes(file as number)) await new Promise((resolve) => setTimeout(resolve, 10));
});
