import { expect, test } from 'vitest';
import { frame } from '../support/frames.ts';
import { answer, closeOf1012, fromClient, startSession, take } from './support/session.ts';

test('a client is held while there is no target, and continues when there is one', async () => {
  const { client, second, route, give } = await startSession(1);
  route();
  await give();
  const arrives = second.next();
  client.socket.write(fromClient('42["patient"]'));
  route(second);
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
  await fresh.until(/patient/);
});

test('a client that is held too long is closed with 1012', async () => {
  const { client, route, give, next } = await startSession(0, { seamless: { holdMs: 100 } });
  route();
  await give();
  expect((await next(/could not migrate or fail over/)).fields).toMatchObject({ cause: 'held too long' });
  expect((await client.closed()).slice(-4)).toBe(closeOf1012);
});

test('a client that floods while it is held is not read: what is kept of it is bounded', async () => {
  const { client, second, route, give } = await startSession(1);
  route();
  await give();
  const message = fromClient(Buffer.alloc(65_536, 'x'));
  let taken = 0;
  // Until the kernel takes no more, since nobody reads.
  while (client.socket.writableLength < 4_194_304 && taken < 2_000) {
    client.socket.write(message);
    taken++;
    if (taken % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(client.socket.writableLength).toBeGreaterThan(1_000_000);
  const arrives = second.next();
  route(second);
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
  await expect.poll(() => fresh.text().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(taken * message.length);
});

test('a client that leaves while it is held is given up', async () => {
  const { client, second, route, give } = await startSession(1);
  route(second);
  const arrives = second.next();
  await give();
  client.socket.resetAndDestroy();
  const fresh = await arrives;
  await take(fresh, [Buffer.from(answer('two', 1), 'latin1'), frame('0{}')]);
  await fresh.gone;
});
