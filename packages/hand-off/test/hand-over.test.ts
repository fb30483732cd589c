import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Counts } from '../src/giver/handed-over.ts';
import type { Taken } from '../src/taker/taken.ts';
import { connectClient, headOf, openFront, upgradeRequest } from './support/front.ts';
import { LineClient } from './support/lines.ts';
import { startPair } from './support/pairs.ts';

test('a client is served by the taker, whose socket is a plain one with the address of the client', async () => {
  const { taken, taker, front } = await startPair();
  const client = connectClient(front.port);
  expect(await client.next()).toBe('hello');
  client.socket.send('one');
  expect(await client.next()).toBe('echo one');
  const socket = taken[0]?.socket as Socket;
  expect(socket.constructor).toBe(Socket);
  expect(socket.remoteAddress).toBe('127.0.0.1');
  expect(taken[0]?.isShared).toBe(true);
  expect([taker.size, taker.alone, front.givers.size]).toEqual([1, 0, 1]);
  expect(front.handed[0]?.readRecord().toString()).toBe('/');
});

test('the end of a connection is told to the giver, with what the kernel has counted', async () => {
  const { taken, front } = await startPair();
  const client = connectClient(front.port);
  await client.next();
  const before = front.handed[0]?.counts() ?? { bytesIn: 0, bytesOut: 0 };
  client.socket.send('12345');
  await client.next();
  if (taken[0]) taken[0].ending = { code: 4_001, cause: 'enough', messagesIn: 1, messagesOut: 2 };
  client.socket.close(4_001);
  expect(await client.closed).toBe(4_001);
  await expect.poll(() => front.told.length).toBe(1);
  // Frames: 5 bytes masked and a close frame; `echo 12345` and a close frame.
  expect(front.told[0]?.detail).toEqual({
    code: 4_001,
    cause: 'enough',
    messagesIn: 1,
    messagesOut: 2,
    bytesIn: before.bytesIn + 6 + 5 + 6 + 2,
    bytesOut: before.bytesOut + 2 + 10 + 2 + 2,
  });
  expect(front.handed[0]?.state).toBe('over');
  expect(front.givers.size).toBe(0);
});

test('what the kernel has counted is told as well if the client resets the connection', async () => {
  const { taken, front } = await startPair();
  const client = connect(front.port, '127.0.0.1');
  client.write(upgradeRequest);
  await once(client, 'data');
  await expect.poll(() => taken[0]?.isAccepted && front.handed.length).toBe(1);
  const { bytesIn, bytesOut } = front.handed[0]?.counts() ?? {};
  client.write(Buffer.from([0x81, 0x85, 0, 0, 0, 0, ...Buffer.from('12345')]));
  await once(client, 'data');
  client.resetAndDestroy();
  await expect.poll(() => front.told.length).toBe(1);
  const told = front.told[0]?.detail as Counts;
  // A masked frame of five bytes, and `echo 12345`; one byte may be missing after a reset.
  expect((bytesIn as number) + 6 + 5 - told.bytesIn).toBeOneOf([0, 1]);
  expect((bytesOut as number) + 2 + 10 - told.bytesOut).toBeOneOf([0, 1]);
});

test('a record that comes with the acceptance is in place of that of the offer, and can be read while the end is told', async () => {
  const records: string[] = [];
  const { front, dir, port } = await startPair({}, { onEnd: (of) => void records.push(of.readRecord().toString()) });
  const client = connectClient(front.port, '/?later');
  await client.next();
  expect(front.handed[0]?.readRecord().toString()).toBe('/?later said more');
  client.socket.close();
  await expect.poll(() => records).toEqual(['/?later said more']);
  expect(front.handed[0]?.readRecord().length).toBe(0);
  // The taker has it as well: it goes along with a duplicate.
  const other = connectClient(front.port, '/?later');
  await other.next();
  front.givers.close();
  const second = await openFront(dir, port);
  await expect.poll(() => second.told).toMatchObject([{ event: 'duplicate', detail: '/?later said more' }]);
});

test('a server that destroys its socket ends the connection, although the giver has a duplicate', async () => {
  const { taken, front } = await startPair();
  const client = connectClient(front.port);
  await client.next();
  taken[0]?.socket.destroy();
  expect(await client.closed).toBe(1_006);
  await expect.poll(() => front.told.map(({ event }) => event)).toEqual(['end']);
});

test('a reset reaches the client', async () => {
  const { taken, front } = await startPair();
  const client = connect(front.port, '127.0.0.1');
  client.write(upgradeRequest);
  await once(client, 'data');
  await expect.poll(() => taken[0]?.isAccepted).toBe(true);
  const failed = once(client, 'error');
  taken[0]?.socket.resetAndDestroy();
  await failed.then(undefined, (error) => expect(error).toMatchObject({ code: 'ECONNRESET' }));
  expect(client.destroyed).toBe(true);
  await expect.poll(() => front.told.map(({ event }) => event)).toEqual(['end']);
});

test('an error of a socket ends no process, whether the program has taken over to listen to errors or not', async () => {
  const { taken, front } = await startPair();
  const client = connectClient(front.port);
  expect(await client.next()).toBe('hello');
  const { socket } = taken[0] as Taken;
  const listeners = socket.listenerCount('error');
  taken[0]?.handlesErrors();
  // That of `ws` is left.
  expect([listeners, socket.listenerCount('error')]).toEqual([2, 1]);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.destroy(new Error('broken'));
  await closed;
  expect(socket.errored).toMatchObject({ message: 'broken' });
});

test('a response that is no upgrade comes back whole, and the taker lets the client go', async () => {
  const { taken, taker, front } = await startPair();
  const client = connectClient(front.port, '/elsewhere');
  const [, response] = await once(client.socket, 'unexpected-response');
  expect(response.statusCode).toBe(400);
  await expect.poll(() => taker.size).toBe(0);
  expect(taken[0]?.socket.destroyed).toBe(true);
  expect(front.givers.size).toBe(0);
});

test('the taker is asked to end a connection', async () => {
  const { closeRequests, front } = await startPair();
  const client = connectClient(front.port);
  await client.next();
  front.handed[0]?.close(4_000, 'idle');
  await client.closed;
  expect(closeRequests).toEqual([{ code: 4_000, cause: 'idle' }]);
  await expect.poll(() => front.told[0]?.detail).toMatchObject({ code: 4_000, cause: 'idle' });
});

test('what the client sent early comes first, and nothing is read of it before the offer is accepted', async () => {
  const { server, front } = await startPair();
  server.removeAllListeners('upgrade');
  server.on('upgrade', (_, socket, early) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.write(`early ${early.length};`);
    socket.pipe(socket);
  });
  const client = connect(front.port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst,');
  let text = '';
  client.on('data', (chunk) => {
    text += chunk;
  });
  await expect.poll(() => text).toMatch(/early 0;first,$/);
  client.end('last');
  await once(client, 'end');
  expect(text).toMatch(/\r\n\r\nearly 0;first,last$/);
});

test('what a program notes of a connection that is closed is not noted for another', async () => {
  const { taken, front } = await startPair({ notes: true });
  const first = connectClient(front.port, '/');
  await first.next();
  taken[0]?.socket.destroy();
  await first.closed;
  const second = connectClient(front.port, '/');
  await second.next();
  const [old, fresh] = taken as Taken[];
  expect(old?.slot.slot).toBe(0);
  expect(fresh?.slot.slot).toBe(1);
});

test('a taker that stops refuses, and says so; connections stay', async () => {
  const { taker, front, port } = await startPair();
  const client = connectClient(front.port);
  await client.next();
  taker.stop();
  await expect.poll(() => front.givers.to(port)).toBeUndefined();
  expect(front.takers.map(({ state }) => state)).toEqual(['open', 'stopping']);
  client.socket.send('still');
  expect(await client.next()).toBe('echo still');
});

const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n';

test.each(['destroy', 'resetAndDestroy', 'end'] as const)(
  'a server that calls %s right after its 101 and more: the client gets them, as by its port, and then the end',
  async (how) => {
    const { server, taker, front } = await startPair();
    server.removeAllListeners('upgrade');
    server.on('upgrade', (_, socket: Socket) => {
      socket.write(upgraded);
      socket.write('and more');
      socket[how]();
      socket.on('end', () => socket.end());
      socket.resume();
    });
    const client = new LineClient(front.port, '/a');
    await client.upgraded();
    await client.has('and more');
    await expect.poll(() => client.isClosed).toBe(true);
    await expect.poll(() => front.told).toMatchObject([{ event: 'end' }]);
    expect([front.givers.size, taker.size, front.faults]).toEqual([0, 0, []]);
  },
);

test.each(['withdrawn', 'lost'])(
  'a server that destroys its socket after a 101 whose offer is %s lets go of it',
  async (how) => {
    const { server, taker, front, giver } = await startPair();
    server.removeAllListeners('upgrade');
    server.on('upgrade', (_, socket: Socket) => {
      socket.write(upgraded);
      socket.destroy();
    });
    front.server.removeAllListeners('upgrade').on('upgrade', async (request, socket) => {
      const client = socket as Socket;
      const head = headOf(request);
      const offered = await giver.offer({ client, kind: 'upgrade', head, record: Buffer.alloc(0), timeoutMs: 5_000 });
      if (!offered.ok) throw new Error(offered.detail);
      if (how === 'lost') front.givers.close();
      else offered.value.withdraw();
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    const client = new LineClient(front.port, '/a');
    await expect.poll(() => client.text).toMatch(/^HTTP\/1\.1 502 /);
    await expect.poll(() => taker.size).toBe(0);
  },
);

test.each([
  ['before the giver learns of it', 0],
  ['after that', 100],
])('a connection that is accepted while its taker closes the channel stays with the taker: %s', async (_, waitMs) => {
  const { taker, server, sockets, front, giver } = await startPair();
  const closing: Promise<void>[] = [];
  front.server.removeAllListeners('upgrade').on('upgrade', async (request, socket, early) => {
    const head = headOf(request);
    const client = socket as Socket;
    const offered = await giver.offer({ client, kind: 'upgrade', head, record: Buffer.alloc(0), timeoutMs: 5_000 });
    if (!offered.ok) throw new Error(offered.detail);
    closing.push(taker.close());
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await offered.value.accept({ user: 'late', write: offered.value.head, early });
  });
  const client = connectClient(front.port);
  expect(await client.next()).toBe('hello');
  await closing[0];
  // The program gives up what its taker serves alone from now on.
  expect(front.told).toMatchObject([{ event: 'orphan', detail: { taker: 'alive', cause: 'channel closed' } }]);
  front.told[0]?.handed.release();
  client.socket.send('still');
  expect(await client.next()).toBe('echo still');
  expect([sockets.clients.size, taker.alone, server.listening]).toEqual([1, 1, false]);
});

test('nothing is read of a client that goes on sending from the moment at which its connection is given back', async () => {
  const { server, taken, front } = await startPair();
  let handled = 0;
  const count = (chunk: Buffer): void => {
    handled += chunk.length;
  };
  server.removeAllListeners('upgrade');
  server.on('upgrade', (_, socket, early) => {
    socket.write(upgraded);
    handled += early.length;
    socket.on('data', count);
  });
  const client = new LineClient(front.port, '/a');
  await client.upgraded();
  const bytesBefore = front.handed[0]?.counts().bytesIn as number;
  const flood = setInterval(() => {
    if (client.socket.writableLength < 1_000_000) client.socket.write(Buffer.alloc(200_000));
  });
  onTestFinished(() => clearInterval(flood));
  await expect.poll(() => handled).toBeGreaterThan(5_000_000);
  const [connection] = taken;
  connection?.socket.pause().removeAllListeners('data');
  // As much as it takes while it is paused.
  await expect.poll(() => connection?.socket.readableLength).toBeGreaterThan(60_000);
  expect(await connection?.leave(Buffer.alloc(0))).toBe(true);
  const unread = front.told[0]?.detail as Buffer;
  expect(front.handed[0]?.counts().bytesIn).toBe(bytesBefore + handled + unread.length);
});

test('what a giver has accepted right before it closes arrives, although the taker sends it something at the same time', async () => {
  const { taker, front, giver } = await startPair();
  front.server.removeAllListeners('upgrade').on('upgrade', async (request, socket: Socket) => {
    const offer = { client: socket, kind: 'upgrade', head: headOf(request), record: Buffer.from('/') } as const;
    const offered = await giver.offer({ ...offer, timeoutMs: 5_000 });
    if (!offered.ok) return;
    void offered.value.accept({ user: '/', write: offered.value.head });
    front.givers.close();
    // Written before what was accepted is read.
    taker.stop();
  });
  const client = connectClient(front.port);
  expect(await client.next()).toBe('hello');
  expect([taker.size, taker.alone]).toEqual([1, 1]);
});
