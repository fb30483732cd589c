import { spawnSync } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { takersIn } from '../src/channel/folder.ts';
import { writeFrame } from '../src/channel/frame-reader.ts';
import { ownHello, writeHello } from '../src/channel/hello.ts';
import { messageTypes as types } from '../src/channel/message-types.ts';
import { writeOffer } from '../src/channel/messages.ts';
import { openGivers } from '../src/giver/open-givers.ts';
import { descriptorOf } from '../src/system/descriptor-of.ts';
import { DescriptorSocket } from '../src/system/descriptor-socket.ts';
import { type Libc, loadLibc } from '../src/system/libc.ts';
import { openTaker } from '../src/taker/open-taker.ts';
import { removeStale } from '../src/taker/remove-stale.ts';
import { startTaker } from './support/child.ts';
import { connectFakeGiver, onlyTaker } from './support/fake-giver.ts';
import { connectClient, openFront, temporaryFolder } from './support/front.ts';
import { LineClient } from './support/lines.ts';
import { startBothApart, startPair, startTakerApart } from './support/pairs.ts';
import { freePort, takeHere } from './support/taker.ts';

const offer = writeOffer({ kind: 'upgrade', head: Buffer.from('GET / HTTP/1.1\r\n\r\n'), record: Buffer.alloc(0) });

/** A TCP connection; the socket that accepted it. */
async function accepted(): Promise<Socket> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return socket;
}

test('what is no message of the protocol ends the channel of its sender, and no other', async () => {
  const { faults, front, dir } = await startPair();
  const client = connectClient(front.port);
  await client.next();
  const message = fc.tuple(fc.nat(30), fc.nat(0xffff_ffff), fc.uint8Array({ maxLength: 60 }));
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 5 }), fc.uint8Array({ maxLength: 40 }), async (messages, rest) => {
      const fake = await connectFakeGiver(dir);
      for (const [type, id, payload] of messages) fake.send(type, id, Buffer.from(payload));
      fake.socket.end(Buffer.from(rest));
      await expect.poll(fake.isClosed).toBe(true);
      fake.descriptors.close();
    }),
    { numRuns: 40 },
  );
  client.socket.send('still');
  expect(await client.next()).toBe('echo still');
  expect(faults).toEqual([]);
});

test.each([
  ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a hello that is no JSON', writeFrame(types.hello, 0, Buffer.from('{'))],
  ['a hello without a token', writeFrame(types.hello, 0, writeHello(ownHello('no token', {})))],
  ['an offer before the hello', writeFrame(types.offer, 1, ...offer)],
])('%s is no way to begin', async (_, bytes) => {
  const dir = temporaryFolder();
  await takeHere(dir, freePort());
  const socket = connect(onlyTaker(dir).messages);
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
});

test('a giver of another version is refused, and told why', async () => {
  const dir = temporaryFolder();
  await takeHere(dir, freePort());
  const fake = await connectFakeGiver(dir, { versions: [4, 5] });
  expect(fake.told[0]?.type).toBe(types.refuse);
  expect(String(fake.told[0]?.payload)).toContain('speaks version 4–5');
  await expect.poll(fake.isClosed).toBe(true);
});

test('a giver in another network namespace is refused', async () => {
  const dir = temporaryFolder();
  await takeHere(dir, freePort());
  const fake = await connectFakeGiver(dir, { network: 'net:[1]' });
  expect(String(fake.told[0]?.payload)).toContain('another network namespace');
});

test('a taker of another version is not used, and that is told once', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const { taker } = await takeHere(dir, port);
  const files = onlyTaker(dir);
  await taker.close();
  // Its place is taken by one that answers as a later version would.
  const libc = (await loadLibc()) as Libc;
  const descriptors = DescriptorSocket.listen(libc, files.descriptors);
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    const hello = { ...ownHello('later', { slots: 0 }), versions: [7, 8] as const };
    socket.write(writeFrame(types.welcome, 0, writeHello(hello)));
  }).listen(files.messages);
  onTestFinished(() => {
    descriptors.close();
    server.close();
  });
  const front = await openFront(dir, port);
  await expect.poll(() => front.takers.length).toBe(1);
  expect(front.takers[0]).toMatchObject({ state: 'unfit', reason: expect.stringContaining('speaks version 7–8') });
  expect(front.givers.to(port)).toBeUndefined();
  expect(connections).toBe(1);
});

test('a descriptor that is no connected TCP socket is refused and closed', async () => {
  const dir = temporaryFolder();
  const { taken } = await takeHere(dir, freePort());
  const fake = await connectFakeGiver(dir);
  const file = openSync('/dev/null', 'r');
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onTestFinished(() => {
    closeSync(file);
    listener.close();
  });
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  const answers = (): string[] =>
    fake.told.filter(({ type }) => type === types.unfit).map(({ payload }) => `${payload}`);
  let id = 0;
  for (const descriptor of [file, fd, fake.descriptors.descriptor]) {
    fake.descriptors.send([++id], [descriptor]);
    fake.send(types.offer, id, ...offer);
    await expect.poll(() => answers().length).toBe(id);
  }
  // The first byte is the reason: 1, unfit.
  expect(answers().map((text) => text.slice(1))).toEqual([
    'it is no TCP socket',
    'it is not connected',
    'it is no TCP socket',
  ]);
  fake.send(types.offer, 99, ...offer);
  await expect.poll(() => answers()[3]?.slice(1)).toBe('its descriptor did not arrive');
  expect(taken).toEqual([]);
});

test('a descriptor that comes before the one that was announced waits for its own message', async () => {
  const dir = temporaryFolder();
  const ports: (number | undefined)[] = [];
  await takeHere(dir, freePort(), {
    onConnection({ socket }) {
      ports.push(socket.remotePort);
      onTestFinished(() => void socket.destroy());
    },
  });
  const fake = await connectFakeGiver(dir);
  const [first, second] = [await accepted(), await accepted()];
  fake.descriptors.send([1], [descriptorOf(first)]);
  fake.descriptors.send([2], [descriptorOf(second)]);
  fake.send(types.offer, 2, ...offer);
  fake.send(types.offer, 1, ...offer);
  await expect.poll(() => ports).toEqual([second.remotePort, first.remotePort]);
});

test('a stopped taker whose queue is full refuses more, and goes on afterwards', async () => {
  const { taker, front, giver } = await startTakerApart();
  taker.process.kill('SIGSTOP');
  const abort = new AbortController();
  const client = await accepted();
  client.setMaxListeners(0);
  setMaxListeners(0, abort.signal);
  const shared = { kind: 'upgrade', head: Buffer.from('GET /silent HTTP/1.1\r\n'), record: Buffer.alloc(0) } as const;
  // 512 are sent, and 4,096 wait.
  const offers = Array.from({ length: 4_700 }, () =>
    giver.offer({ client, ...shared, timeoutMs: 60_000, signal: abort.signal }),
  );
  const full = await Promise.all(offers.map((one) => Promise.race([one, undefined])));
  expect(full.filter((result) => result !== undefined && !result.ok && result.cause === 'full').length).toBeGreaterThan(
    50,
  );
  abort.abort();
  const results = await Promise.all(offers);
  expect(new Set(results.map((result) => (result.ok ? 'ok' : result.cause)))).toEqual(new Set(['full', 'aborted']));
  taker.process.kill('SIGCONT');
  const isServed = async (): Promise<boolean> => {
    const lines = new LineClient(front.port, '/after');
    await expect.poll(() => lines.text).not.toBe('');
    return lines.text.startsWith('HTTP/1.1 101 ');
  };
  await expect.poll(isServed).toBe(true);
});

test('a taker without descriptors left refuses, keeps what it has, and takes again when some end', async () => {
  const { taker, front } = await startTakerApart();
  const pid = String(taker.process.pid);
  // The kernel then drops the descriptor of a message, and says so (MSG_CTRUNC).
  const most = readdirSync(`/proc/${pid}/fd`).length + 5;
  expect(spawnSync('prlimit', ['--pid', pid, `--nofile=${most}`]).status).toBe(0);
  const clients = Array.from({ length: 20 }, (_, index) => new LineClient(front.port, `/${index}`));
  for (const client of clients) await expect.poll(() => client.text).not.toBe('');
  const served = clients.filter(({ text }) => text.startsWith('HTTP/1.1 101'));
  expect(served.length).toBeGreaterThan(0);
  expect(served.length).toBeLessThan(20);
  expect(front.refused.length).toBe(20 - served.length);
  expect(new Set(front.refused.map(({ cause }) => cause))).toEqual(new Set(['unfit']));
  for (const { socket } of served) socket.write('one 1\n');
  for (const client of served) await client.has('one 1\n');
  for (const { socket } of served) socket.end();
  await expect.poll(() => front.givers.size).toBe(0);
  await new LineClient(front.port, '/again').upgraded();
});

test('a giver without descriptors left offers nothing, keeps what it has, and offers again when some end', async () => {
  const { giver, port } = await startBothApart();
  await new LineClient(port, '/first').upgraded();
  const pid = String(giver.process.pid);
  const most = readdirSync(`/proc/${pid}/fd`).length + 5;
  expect(spawnSync('prlimit', ['--pid', pid, `--nofile=${most}`]).status).toBe(0);
  const served: LineClient[] = [];
  for (;;) {
    const client = new LineClient(port, `/${served.length}`);
    await expect.poll(() => client.text).not.toBe('');
    if (!client.text.startsWith('HTTP/1.1 101')) break;
    served.push(client);
  }
  expect(served.length).toBeGreaterThan(0);
  await giver.has({ offered: `/${served.length}`, cause: 'full' });
  for (const { socket } of served) socket.write('one 1\n');
  for (const client of served) await client.has('one 1\n');
  for (const { socket } of served) socket.end();
  for (const index of served.keys())
    await expect.poll(() => giver.told).toContainEqual({ ended: `/${index}`, cause: null });
  await new LineClient(port, '/again').upgraded();
});

test('the folder has to be of this user alone', async () => {
  const outer = temporaryFolder();
  const open = join(outer, 'open');
  mkdirSync(open, { mode: 0o700 });
  chmodSync(open, 0o750);
  const link = join(outer, 'link');
  symlinkSync(temporaryFolder(), link);
  const file = join(outer, 'file');
  writeFileSync(file, '');
  const long = join(outer, 'x'.repeat(100));
  const reasons: [string, RegExp][] = [
    [open, /open to other users/],
    [link, /is not a folder/],
    [file, /not a folder|cannot be used/],
    [long, /too long/],
    [join(file, 'below'), /cannot be used/],
    ['/proc/below', /cannot be used/],
  ];
  for (const [dir, reason] of reasons) {
    await expect(openTaker({ dir, port: 1, name: 'a', ...nothing })).rejects.toThrow(reason);
    await expect(openGivers({ dir, name: 'a', events: {} as never })).rejects.toThrow(reason);
  }
});

test.runIf(process.getuid?.() === 0)('the folder of another user is refused', async () => {
  const dir = temporaryFolder();
  chownSync(dir, 12_345, 12_345);
  await expect(openTaker({ dir, port: 1, name: 'a', ...nothing })).rejects.toThrow(/belongs to another user/);
});

test('sockets that a dead taker left are removed by the next one, those of living takers are not', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const [dead, living] = await Promise.all([startTaker(dir, port), startTaker(dir, port)]);
  await dead.kill();
  const before = takersIn(dir);
  expect(before.length).toBe(2);
  // Young ones may be about to listen; only time makes them old.
  await removeStale(dir, port);
  expect(takersIn(dir).length).toBe(2);
  await removeStale(dir, port, 0);
  expect(takersIn(dir).length).toBe(1);
  const front = await openFront(dir, port);
  expect((await front.giver()).name).toBe(`process ${living.process.pid}`);
  expect(before.filter(({ descriptors }) => existsSync(descriptors)).length).toBe(1);
});

const nothing = { onConnection: () => {}, onCloseRequest: () => {}, onGiver: () => {}, onFault: () => {} };
