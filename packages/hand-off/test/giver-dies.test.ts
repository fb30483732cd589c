import { expect, test } from 'vitest';
import { type Child, startGiver, startTaker } from './support/child.ts';
import { temporaryFolder } from './support/front.ts';
import { LineClient } from './support/lines.ts';
import { startBothApart } from './support/pairs.ts';
import { freePort } from './support/taker.ts';

/** A client that was handed over: between the response that it gets and the acceptance of its taker nothing can save it from a death of its giver. */
async function connectLines(giver: Child, port: number, path: string): Promise<LineClient> {
  const client = new LineClient(port, path);
  await client.upgraded();
  await giver.has({ accepted: path });
  return client;
}

/** What a taker says of its connections, when it says that. */
async function hasConnections(taker: Child, size: number, alone: number): Promise<void> {
  await expect
    .poll(() => taker.do('state') ?? taker.told.findLast((message) => 'alone' in message))
    .toEqual({ size, alone });
}

test('a giver that is killed is not noticed by clients, and the next giver becomes their second owner', async () => {
  const { dir, takerPort, taker, giver, port } = await startBothApart();
  const clients = await Promise.all(['/a', '/b', '/c'].map((path) => connectLines(giver, port, path)));
  await giver.kill();
  await hasConnections(taker, 3, 3);
  for (const client of clients) client.socket.write('one 1\n');
  for (const client of clients) await client.has('one 1\n');
  const { giver: next } = await startGiver(dir, takerPort);
  await hasConnections(taker, 3, 0);
  await next.has({ duplicate: '/c' });
  // The second owner is one: the session fails over when the taker dies.
  for (const client of clients) client.socket.write('two 2\n');
  for (const client of clients) await client.has('one 1\ntwo 2\n');
  await taker.killAtRest();
  for (const path of ['/a', '/b', '/c']) {
    await next.has({ orphan: path, taker: 'clean', marks: [{ stream: 7, offset: 2 }] });
  }
});

test('duplicates are spread over the givers that are there', async () => {
  const dir = temporaryFolder();
  const takerPort = freePort();
  const taker = await startTaker(dir, takerPort);
  const { giver, port } = await startGiver(dir, takerPort);
  await giver.has({ taker: 'open' });
  const others = await Promise.all([startGiver(dir, takerPort), startGiver(dir, takerPort)]);
  await expect.poll(() => taker.told.filter(({ state }) => state === 'open').length).toBe(3);
  await Promise.all(Array.from({ length: 10 }, (_, index) => connectLines(giver, port, `/${index}`)));
  await giver.kill();
  await hasConnections(taker, 10, 0);
  const counts = (): number[] =>
    others.map(({ giver: other }) => other.told.filter((message) => 'duplicate' in message).length);
  await expect.poll(counts).toEqual([5, 5]);
});

test('a client that ends tells both owners, whoever they are', async () => {
  const { dir, takerPort, taker, giver, port } = await startBothApart();
  const client = await connectLines(giver, port, '/a');
  await giver.kill();
  const { giver: next } = await startGiver(dir, takerPort);
  await next.has({ duplicate: '/a' });
  client.socket.end();
  await next.has({ ended: '/a', cause: null });
  next.do('size');
  await next.has({ size: 0 });
  await hasConnections(taker, 0, 0);
});

test('a giver that is killed before it accepts takes its client along, and the taker forgets it', async () => {
  const { taker, giver, port } = await startBothApart();
  const client = new LineClient(port, '/never-accepted');
  await giver.has({ offered: '/never-accepted', cause: null });
  await giver.kill();
  await expect.poll(() => client.isClosed).toBe(true);
  expect(client.text).toBe('');
  await hasConnections(taker, 0, 0);
});

test('a session is given back to another giver if the first one dies meanwhile', async () => {
  const { dir, takerPort, taker, giver, port } = await startBothApart();
  await connectLines(giver, port, '/a');
  // It cannot confirm any more.
  giver.process.kill('SIGSTOP');
  taker.do('leave', '/a', 'unread');
  const { giver: next } = await startGiver(dir, takerPort);
  await giver.kill();
  await next.has({ left: '/a', unread: 'unread' });
  await taker.has({ left: '/a', ok: true });
});

test('a taker that is stopped for long is told to live, so that nobody else speaks to its clients', async () => {
  const { taker, giver, port } = await startBothApart(2_000);
  const client = await connectLines(giver, port, '/a');
  taker.process.kill('SIGSTOP');
  await giver.has({ orphan: '/a', taker: 'alive', cause: 'silent' });
  giver.do('cut');
  await expect.poll(() => client.isClosed).toBe(true);
  taker.process.kill('SIGCONT');
  await hasConnections(taker, 0, 0);
});

test('a giver that is stopped for long is replaced, and finds nothing to do when it goes on', async () => {
  const { dir, takerPort, giver, port } = await startBothApart(2_000);
  const client = await connectLines(giver, port, '/a');
  const { giver: next } = await startGiver(dir, takerPort, 2_000);
  giver.process.kill('SIGSTOP');
  await next.has({ duplicate: '/a' });
  giver.process.kill('SIGCONT');
  await giver.has({ orphan: '/a', taker: 'alive', cause: 'channel closed' });
  client.socket.write('one 1\n');
  await client.has('one 1\n');
});

/** A taker that was stopped for so long that its giver has lost the channel to it. */
async function stopTaker() {
  const { taker, giver, port } = await startBothApart(2_000);
  const client = await connectLines(giver, port, '/a');
  client.socket.write('one 1\n');
  await client.has('one 1\n');
  taker.process.kill('SIGSTOP');
  await giver.has({ orphan: '/a', taker: 'alive', cause: 'silent' });
  return { taker, giver, client };
}

test('a taker that was stopped for long and goes on is known to serve its connections, and has a second owner for them', async () => {
  const { taker, giver, client } = await stopTaker();
  taker.process.kill('SIGCONT');
  await giver.has({ orphan: '/a', taker: 'alive', cause: 'channel closed' });
  await giver.has({ duplicate: '/a' });
  client.socket.write('two 2\n');
  await client.has('one 1\ntwo 2\n');
  await hasConnections(taker, 1, 0);
});

test('a taker that dies after it was stopped for long leaves connections that go on', async () => {
  const { taker, giver } = await stopTaker();
  await taker.kill();
  await giver.has({ orphan: '/a', taker: 'clean', marks: [{ stream: 7, offset: 1 }] });
});

test('a taker that does not allow it is not killed', async () => {
  const { taker, giver } = await stopTaker();
  giver.do('killTakers');
  await giver.has({ killed: false });
  expect(taker.process.signalCode).toBeNull();
});
