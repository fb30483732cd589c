import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { openFront, temporaryFolder, upgradeRequest } from '../support/front.ts';
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

test('the record of a connection keeps no other bytes that came at the same time', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const { taken } = await takeHere(dir, port);
  const giver = await (await openFront(dir, port)).giver();
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const clients: Socket[] = [];
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    listener.close();
  });
  const handOver = async (): Promise<void> => {
    const client = connect((listener.address() as AddressInfo).port, '127.0.0.1');
    clients.push(client);
    const [accepted] = (await once(listener, 'connection')) as [Socket];
    const head = Buffer.from(upgradeRequest);
    const none = Buffer.alloc(0);
    const outcome = await giver.offer({ client: accepted, kind: 'upgrade', head, record: none, timeoutMs: 30_000 });
    if (!outcome.ok) throw new Error(outcome.detail);
    const record = Buffer.from(`record ${clients.length} \xff`, 'latin1');
    await outcome.value.accept({ user: 'a client', record, write: Buffer.from('first'), early: none });
    await once(client, 'data');
    // Other buffers of the process: Node cuts small ones out of pieces of 8 KiB.
    for (let turn = 0; turn < 3; turn++) Buffer.allocUnsafe(4_000);
  };
  await handOver();
  const before = await bufferBytes();
  for (let turn = 0; turn < 40; turn++) await handOver();
  expect(((await bufferBytes()) - before) / 40).toBeLessThan(2_000);
  const records = taken.map((one) => (one as unknown as { readonly record: Buffer }).record.toString('latin1'));
  expect(records).toEqual(clients.map((_, index) => `record ${index + 1} \xff`));
});
