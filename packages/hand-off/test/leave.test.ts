import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { connectClient } from './support/front.ts';
import { startPair } from './support/pairs.ts';

test('a taker leaves while its client goes on sending: what it has not read is the giver’s, and no byte is lost', async () => {
  const { taken, front } = await startPair();
  const client = connectClient(front.port);
  await client.next();
  const { socket } = taken[0] as { readonly socket: Socket };
  socket.removeAllListeners('data').pause();
  // More than a socket reads ahead, so that the kernel has some of it, too.
  const sent = randomBytes(1_000_000);
  (client.socket as unknown as { readonly _socket: Socket })._socket.write(sent);
  await expect.poll(() => socket.readableLength).toBeGreaterThanOrEqual(64 * 1_024);
  expect(await taken[0]?.leave(Buffer.alloc(0))).toBe(true);
  const [{ handed, detail }] = front.told as unknown as [(typeof front.told)[number]];
  const got = [detail as Buffer];
  const back = handed.takeBack();
  onTestFinished(() => void back.destroy());
  back.on('data', (chunk) => got.push(chunk)).resume();
  await expect.poll(() => got.reduce((sum, { length }) => sum + length, 0)).toBe(sent.length);
  expect(Buffer.concat(got).equals(sent)).toBe(true);
});
