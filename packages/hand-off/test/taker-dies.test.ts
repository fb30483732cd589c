import { once } from 'node:events';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { HandedOver } from '../src/giver/handed-over.ts';
import { halfBytes } from '../src/notes/layout.ts';
import { type Child, startGiver, startTaker } from './support/child.ts';
import { type Front, openFront, temporaryFolder } from './support/front.ts';
import { LineClient } from './support/lines.ts';
import { startTakerApart } from './support/pairs.ts';
import { freePort } from './support/taker.ts';

const patiently = { timeout: 10_000 } as const;

interface Setup {
  readonly dir: string;
  readonly port: number;
  readonly taker: Child;
  readonly front: Front;
}

async function setUp(): Promise<Setup> {
  const { taker, front, dir, port } = await startTakerApart();
  return { dir, port, taker, front };
}

async function connectLines(front: Front, path: string): Promise<LineClient> {
  const client = new LineClient(front.port, path);
  await client.upgraded();
  return client;
}

/** How a connection is offered. */
interface Way {
  readonly early?: Buffer | undefined;
  readonly path?: string;
  readonly skipFrames?: number;
  /** The taker, if it stands still from its response on: it never reads that it has the connection. */
  readonly stopped?: Child;
}

/** Offers a connection that is alone to a taker, as a session that goes on. */
async function giveOn(
  front: Front,
  port: number,
  handed: HandedOver<string>,
  { early, path = '/next', skipFrames = 0, stopped }: Way = {},
): Promise<void> {
  const giver = await front.giver(port);
  const head = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n`);
  const record = Buffer.from('next');
  const offered = await giver.offer({ client: handed, kind: 'session', head, record, timeoutMs: 5_000 });
  if (!offered.ok) throw new Error(offered.detail);
  stopped?.process.kill('SIGSTOP');
  const accepted = await offered.value.accept({ user: 'next', early, skipFrames });
  expect(accepted.ok && accepted.value).toBe(handed);
}

test('a taker that is killed before it responds loses the offer, and the giver still has the client', async () => {
  const { taker, front } = await setUp();
  const client = new LineClient(front.port, '/silent');
  await taker.has({ requested: '/silent' });
  await taker.kill();
  await expect.poll(() => client.text).toMatch(/^HTTP\/1\.1 502 Refused/);
  expect(front.refused).toMatchObject([{ cause: 'lost' }]);
  expect(front.givers.size).toBe(0);
});

test('an offer whose taker dies after its response cannot be accepted, and its client is closed', async () => {
  const { taker, front } = await setUp();
  const giver = await front.giver();
  front.server.removeAllListeners('upgrade');
  const upgraded = once(front.server, 'upgrade');
  const client = new LineClient(front.port, '/a');
  const [, socket] = (await upgraded) as [unknown, Socket];
  const head = Buffer.from('GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n');
  const offer = { client: socket, kind: 'upgrade', head, record: Buffer.alloc(0), timeoutMs: 5_000 } as const;
  const offered = await giver.offer(offer);
  await taker.kill();
  await expect.poll(() => front.takers.at(-1)?.state).toBe('gone');
  const accepted = offered.ok && (await offered.value.accept({ user: 'a', write: Buffer.from('never') }));
  expect(accepted).toMatchObject({ ok: false, cause: 'lost' });
  await expect.poll(() => client.isClosed).toBe(true);
  expect(client.text).toBe('');
  expect(front.givers.size).toBe(0);
});

test('after the death of its taker a connection is clean, and goes on at another', async () => {
  const { dir, taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  client.socket.write('one 1\ntwo 2\n');
  await client.has('one 1\ntwo 2\n');
  await taker.killAtRest();
  await expect.poll(() => front.told.length).toBe(1);
  expect(front.told[0]).toMatchObject({
    event: 'orphan',
    detail: { taker: 'clean', marks: [{ stream: 7, offset: 2 }] },
  });
  client.socket.write('three 3\n');
  const next = freePort();
  await startTaker(dir, next);
  await giveOn(front, next, front.handed[0] as HandedOver<string>);
  await client.has('one 1\ntwo 2\nthree 3\n');
  expect(front.handed[0]?.state).toBe('served');
  expect(front.handed[0]?.readRecord().toString()).toBe('next');
});

test('the greeting of the next taker is not for the client, and is not counted', async () => {
  const { dir, taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  client.socket.write('one 1\n');
  await client.has('one 1\n');
  await taker.killAtRest();
  await expect.poll(() => front.told.length).toBe(1);
  const port = freePort();
  const next = await startTaker(dir, port);
  await giveOn(front, port, front.handed[0] as HandedOver<string>, { path: '/greets', skipFrames: 1 });
  client.socket.write('two 2\n');
  await client.has('one 1\ntwo 2\n');
  await next.killAtRest();
  await expect.poll(() => front.told.length).toBe(2);
  expect(front.told[1]?.detail).toEqual({ taker: 'clean', marks: [{ stream: 7, offset: 2 }] });
});

test.each([
  ['nothing', undefined],
  ['bytes', Buffer.from('tw')],
])(
  'a taker that is killed before it reads that it has a connection, and %s of its client, is told to have done nothing',
  async (_, early) => {
    const { dir, taker, front } = await setUp();
    const client = await connectLines(front, '/a');
    client.socket.write('one 1\n');
    await client.has('one 1\n');
    await taker.killAtRest();
    await expect.poll(() => front.told.length).toBe(1);
    const handed = front.handed[0] as HandedOver<string>;
    const [port, last] = [freePort(), freePort()];
    const next = await startTaker(dir, port);
    await giveOn(front, port, handed, { early, stopped: next });
    client.socket.write('two 2\n'.slice(early?.length ?? 0));
    await next.kill();
    await expect.poll(() => front.told.length).toBe(2);
    expect(front.told[1]?.detail).toEqual({ taker: 'clean', marks: [], unread: early });
    await startTaker(dir, last);
    await giveOn(front, last, handed, { early });
    await client.has('one 1\ntwo 2\n');
  },
);

test.each([
  ['nothing', undefined],
  ['bytes', Buffer.from('tw')],
])(
  'a client that was never told of its upgrade, and sent %s behind it, has nothing of another client if its taker is killed',
  async (_, early) => {
    const { taker, front } = await setUp();
    const other = await connectLines(front, '/other');
    // As long as anything that the kernel could count of the client: this was read last.
    other.socket.write(`${'x'.repeat(2_000)} 1\n`);
    await expect.poll(() => other.lines.length).toBeGreaterThan(2_000);
    front.server.removeAllListeners('upgrade');
    const upgraded = once(front.server, 'upgrade');
    const client = new LineClient(front.port, '/a');
    const [, socket] = (await upgraded) as [unknown, Socket];
    const head = Buffer.from('GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n');
    const offer = { client: socket, kind: 'upgrade', head, record: Buffer.alloc(0), timeoutMs: 5_000 } as const;
    const offered = await (await front.giver()).offer(offer);
    if (!offered.ok) throw new Error(offered.detail);
    taker.process.kill('SIGSTOP');
    const accepted = await offered.value.accept({ user: '/a', write: offered.value.head, early });
    if (!accepted.ok) throw new Error(accepted.detail);
    await taker.kill();
    await expect.poll(() => front.told.find(({ handed }) => handed === accepted.value)).toBeDefined();
    expect(front.told.find(({ handed }) => handed === accepted.value)?.detail).toEqual({
      taker: 'unclean',
      cause: 'half read',
    });
    expect(client.text).toBe('');
  },
);

test('of more early bytes than can be noted it is told that they are lost', async () => {
  const { dir, taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  client.socket.write('one 1\n');
  await client.has('one 1\n');
  await taker.killAtRest();
  await expect.poll(() => front.told.length).toBe(1);
  const port = freePort();
  const next = await startTaker(dir, port);
  await giveOn(front, port, front.handed[0] as HandedOver<string>, { early: Buffer.alloc(halfBytes + 1, 'x') });
  client.socket.write('still the same line');
  await next.killAtRest();
  await expect.poll(() => front.told.length).toBe(2);
  expect(front.told[1]?.detail).toEqual({ taker: 'unclean', cause: 'half read' });
});

test('half a message, in either direction, is told', async () => {
  const { taker, front } = await setUp();
  const written = await connectLines(front, '/written');
  const read = await connectLines(front, '/read');
  written.socket.write('one 1\nhalf\n');
  await written.has('one 1\nha');
  read.socket.write('one 1\ntw');
  await read.has('one 1\n');
  await taker.killAtRest();
  await expect.poll(() => front.told.length).toBe(2);
  const causes = Object.fromEntries(front.told.map(({ handed, detail }) => [handed.user, detail]));
  expect(causes).toEqual({
    '/written': { taker: 'unclean', cause: 'half written' },
    '/read': { taker: 'unclean', cause: 'half read' },
  });
});

test('a client that has ended is told', async () => {
  const { taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  client.socket.write('one 1\n');
  await client.has('one 1\n');
  taker.process.kill('SIGSTOP');
  client.socket.destroy();
  await expect.poll(() => front.handed[0]?.counts().bytesIn).toBeGreaterThan(0);
  await taker.kill();
  await expect.poll(() => front.told[0]?.detail).toEqual({ taker: 'unclean', cause: 'client ended' });
});

test('a session is given back with what was read too far, and goes on at another taker', async () => {
  const { dir, taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  client.socket.write('one 1\n');
  await client.has('one 1\n');
  taker.do('leave', '/a', 'two 2\nthr');
  await taker.has({ left: '/a', ok: true });
  expect(front.told).toMatchObject([{ event: 'leave', detail: Buffer.from('two 2\nthr') }]);
  expect(front.handed[0]?.state).toBe('alone');
  await expect
    .poll(() => taker.do('state') ?? taker.told.findLast((message) => 'alone' in message))
    .toEqual({ size: 0, alone: 0 });
  const next = freePort();
  await startTaker(dir, next);
  client.socket.write('ee 3\n');
  await giveOn(front, next, front.handed[0] as HandedOver<string>, {
    early: front.told[0]?.detail as Buffer,
  });
  await client.has('one 1\ntwo 2\nthree 3\n');
});

test('a connection that was given back can be taken back as a socket', async () => {
  const { taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  taker.do('leave', '/a', '');
  await taker.has({ left: '/a', ok: true });
  const socket = (front.handed[0] as HandedOver<string>).takeBack();
  socket.end('from the giver\n');
  await client.has('from the giver\n');
  expect(front.givers.size).toBe(0);
});

test('a taker that closes its channel, and lives, goes on with its connections', async () => {
  const { taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  taker.do('close');
  await expect.poll(() => front.told[0]?.detail).toEqual({ taker: 'alive', cause: 'channel closed' });
  (front.handed[0] as HandedOver<string>).release();
  client.socket.write('still 1\n');
  await client.has('still 1\n');
});

test('a taker that is killed within a storm of offers leaves nothing behind', async () => {
  const { taker, front } = await setUp();
  const clients = Array.from({ length: 50 }, (_, index) => new LineClient(front.port, `/${index}`));
  await taker.has({ requested: '/20' });
  await taker.kill();
  const orphans = (): HandedOver<string>[] =>
    front.told.filter(({ event }) => event === 'orphan').map(({ handed }) => handed);
  await expect
    .poll(() => orphans().length + clients.filter(({ text }) => /^HTTP\/1\.1 50/.test(text)).length)
    .toBeGreaterThanOrEqual(50);
  for (const handed of orphans()) handed.cut();
  await expect.poll(() => clients.filter(({ isClosed }) => !isClosed).length).toBe(0);
  expect(front.givers.size).toBe(0);
  expect(front.faults).toEqual([]);
});

/** Cuts the channels of this process to takers, as a fault of the kernel or of a library would. */
function cutChannels(): void {
  const handles = (process as unknown as { _getActiveHandles(): object[] })._getActiveHandles();
  for (const handle of handles) {
    const { _handle: native } = handle as { readonly _handle?: object };
    if (handle instanceof Socket && native?.constructor.name === 'Pipe') handle.destroy();
  }
}

test('a channel that is cut while both live is opened again, and the connections have two owners again', async () => {
  const { taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  cutChannels();
  const told = (what: string) => front.told.find(({ event }) => event === what);
  // In any order.
  await expect.poll(() => told('orphan')?.detail, patiently).toEqual({ taker: 'alive', cause: 'channel closed' });
  told('orphan')?.handed.release();
  await expect.poll(() => told('duplicate')?.detail, patiently).toBe('/a');
  client.socket.write('still 1\n');
  await client.has('still 1\n');
  await taker.killAtRest();
  await expect
    .poll(() => front.told.at(-1)?.detail, patiently)
    .toEqual({ taker: 'clean', marks: [{ stream: 7, offset: 1 }] });
});

test('a taker that is killed while much waits to be written leaves half a message', async () => {
  const { taker, front } = await setUp();
  const client = await connectLines(front, '/a');
  client.socket.pause();
  client.socket.write(`one ${'1'.repeat(900_000)}\n`.repeat(9));
  await expect.poll(() => front.handed[0]?.counts().bytesIn).toBeGreaterThan(8_000_000);
  await taker.kill();
  await expect.poll(() => front.told[0]?.detail).toEqual({ taker: 'unclean', cause: 'half written' });
  (front.handed[0] as HandedOver<string>).cut();
  client.socket.resume();
  await expect.poll(() => client.isClosed).toBe(true);
});

test('a connection ends when its taker and its giver are killed together, at whatever step', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const taker = await startTaker(dir, port);
  const { giver, port: giverPort } = await startGiver(dir, port);
  await giver.has({ taker: 'open' });
  const served = new LineClient(giverPort, '/served');
  await served.upgraded();
  const [silent, unaccepted] = [new LineClient(giverPort, '/silent'), new LineClient(giverPort, '/never-accepted')];
  await taker.has({ requested: '/silent' });
  await giver.has({ offered: '/never-accepted', cause: null });
  taker.process.kill('SIGKILL');
  giver.process.kill('SIGKILL');
  for (const client of [served, silent, unaccepted]) await expect.poll(() => client.isClosed).toBe(true);
});

test('of many connections of a dead taker some are told in each turn of the event loop, and all the others when the giver closes', async () => {
  const turns: number[] = [];
  const told = new Map<HandedOver<string>, number>();
  let turn = 0;
  const count = (): void => {
    turn++;
    if (told.size > 0 && told.size < 100) turns.push(told.size);
  };
  const { taker, port, dir } = await startTakerApart();
  const front = await openFront(dir, port, {
    onOrphan: (handed) => {
      told.set(handed, turn);
      setImmediate(count);
      if (told.size === 40) setImmediate(() => front.givers.close());
    },
  });
  await front.giver();
  await Promise.all(Array.from({ length: 100 }, () => connectLines(front, '/a')));
  expect(front.givers.size).toBe(100);
  await taker.kill();
  await expect.poll(() => told.size).toBe(100);
  expect(turns[0]).toBeLessThan(50);
  expect(front.givers.size).toBe(0);
});
