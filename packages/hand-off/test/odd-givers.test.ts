import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { DescriptorInbox } from '../src/channel/descriptor-inbox.ts';
import { writeFrame } from '../src/channel/frame-reader.ts';
import { ownHello, writeHello } from '../src/channel/hello.ts';
import { maxOpenOffers } from '../src/channel/limits.ts';
import { messageTypes as types } from '../src/channel/message-types.ts';
import { writeAccept, writeClose, writeOffer } from '../src/channel/messages.ts';
import { descriptorOf } from '../src/system/descriptor-of.ts';
import { DescriptorSocket } from '../src/system/descriptor-socket.ts';
import { type Libc, loadLibc } from '../src/system/libc.ts';
import type { TakenConnection } from '../src/taker/taken-connection.ts';
import { type ConnectedPair, connectPairs } from './support/connected-pairs.ts';
import { connectFakeGiver, type FakeGiver, onlyTaker } from './support/fake-giver.ts';
import { connectClient, openFront, temporaryFolder, upgradeRequest } from './support/front.ts';
import { LineClient } from './support/lines.ts';
import { startPair, startTakerApart } from './support/pairs.ts';
import { sendRaw } from './support/send-raw.ts';
import { freePort, takeHere } from './support/taker.ts';

const noBytes = Buffer.alloc(0);
const [file, path] = [openSync('/proc/version', 'r'), '/proc/version'];

/** How often a file is open in this process that nothing but these tests opens. */
function timesOpen(): number {
  return readdirSync('/proc/self/fd').filter((name) => targetOf(name) === path).length;
}

function targetOf(name: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    // It was that of the folder.
    return undefined;
  }
}

const offer = writeOffer({ kind: 'upgrade', head: Buffer.from('GET / HTTP/1.1\r\n\r\n'), record: noBytes });

test.each([
  ['no bytes', noBytes],
  ['too few tags', Buffer.alloc(4)],
])('descriptors that come in a packet with %s are closed', async (_, bytes) => {
  const dir = temporaryFolder();
  await takeHere(dir, freePort());
  const fake = await connectFakeGiver(dir);
  sendRaw(fake.libc, fake.descriptors.descriptor, bytes, [file, file, file]);
  fake.send(types.offer, 1, ...offer);
  await expect.poll(() => fake.told.map(({ type }) => type)).toContain(types.unfit);
  expect(timesOpen()).toBe(1);
});

/** Connects as a giver does, and sends what it sends first. */
async function connectDescriptors(dir: string, send: (socket: DescriptorSocket, libc: Libc) => void) {
  const libc = (await loadLibc()) as Libc;
  const socket = DescriptorSocket.connect(libc, onlyTaker(dir).descriptors);
  onTestFinished(() => socket.close());
  send(socket, libc);
  return { socket, libc };
}

test('descriptors that come with the token of a giver are closed', async () => {
  const dir = temporaryFolder();
  await takeHere(dir, freePort());
  await connectDescriptors(dir, (socket, libc) => sendRaw(libc, socket.descriptor, Buffer.alloc(16, 1), [file, file]));
  await connectFakeGiver(dir);
  expect(timesOpen()).toBe(1);
});

test('a giver that has connected, and whose token has not come yet, is not turned away for the hello of another one', async () => {
  const dir = temporaryFolder();
  await takeHere(dir, freePort());
  const token = Buffer.alloc(16, 3);
  const { socket } = await connectDescriptors(dir, () => {});
  await connectFakeGiver(dir);
  expect(socket.sendBytes(token)).toBe(true);
  const messages = connect(onlyTaker(dir).messages);
  onTestFinished(() => void messages.destroy());
  messages.write(writeFrame(types.hello, 0, writeHello(ownHello('late', { token: token.toString('hex') }))));
  const [answer] = (await once(messages, 'data')) as [Buffer];
  expect(answer[4]).toBe(types.welcome);
});

test('givers that send no token take no room for good', async () => {
  const dir = temporaryFolder();
  await takeHere(dir, freePort());
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 4; round++) {
    for (let count = 0; count < 40; count++) await connectDescriptors(dir, () => {});
    (await connectFakeGiver(dir)).socket.destroy();
  }
  // These are the other ends.
  expect(readdirSync('/proc/self/fd').length - before - 160).toBeLessThan(80);
});

test('a taker that has no descriptor for a giver is asked again when it has one', async () => {
  const { dir, port, taker, front } = await startTakerApart();
  const pid = String(taker.process.pid);
  const limit = (most: number): void => {
    expect(spawnSync('prlimit', ['--pid', pid, `--nofile=${most}:`]).status).toBe(0);
  };
  // One more, for the socket of its messages, and none for the other one.
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let free = 0;
  while (open.has(free)) free++;
  limit(free + 1);
  const second = await openFront(dir, port);
  await expect.poll(() => taker.told.filter(({ giver }) => giver !== undefined).length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(second.givers.to(port)).toBeUndefined();
  limit(1_000);
  await expect.poll(() => second.givers.to(port), { timeout: 5_000 }).toBeDefined();
  expect(second.takers.map(({ state }) => state)).toEqual(['open']);
  await new LineClient(front.port, '/still').upgraded();
});

test('a peer that sends packets on and on does not keep a process busy with them', () => {
  let packets = 0;
  const endless = {
    receive: () => ({ bytes: Buffer.of(packets++ & 0xff, 1, 1, 1), descriptors: [-1] }),
    close() {},
  } as unknown as DescriptorSocket;
  const inbox = new DescriptorInbox(endless, () => {});
  expect(inbox.take(7)).toBe(-1);
  expect(packets).toBeLessThanOrEqual(maxOpenOffers);
});

test('a giver that has closed its socket for descriptors is given up: others get duplicates', async () => {
  const { dir, port, taker, front } = await startTakerApart();
  const client = new LineClient(front.port, '/a');
  await client.upgraded();
  const fake = await connectFakeGiver(dir);
  fake.descriptors.close();
  front.givers.close();
  await expect.poll(fake.isClosed).toBe(true);
  const second = await openFront(dir, port);
  await expect.poll(() => second.handed.length).toBe(1);
  taker.do('state');
  await taker.has({ size: 1, alone: 0 });
});

const ids = fc.constantFrom(1, 1, 1, 2, 0, 0x8000_0000, 0x8000_0001, 0xffff_ffff);

/** What a giver does: each message has its right form, but comes at any time. */
const step = fc.oneof(
  fc.record({ what: fc.constant('descriptor' as const), id: ids, of: fc.nat(2) }),
  fc.record({ what: fc.constant('offer' as const), id: ids, isNew: fc.boolean() }),
  fc.record({ what: fc.constant('accept' as const), id: ids, skip: fc.nat(2), early: fc.constantFrom(0, 5, 70_000) }),
  fc.record({ what: fc.constant('client' as const), id: ids, of: fc.nat(2) }),
  fc.record({ what: fc.constantFrom('withdraw' as const, 'close' as const, 'left' as const), id: ids }),
  fc.record({ what: fc.constantFrom('kept' as const, 'unkept' as const, 'askToLeave' as const), id: ids }),
  fc.record({ what: fc.constant('leave' as const), id: fc.nat(5) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const head = Buffer.from(upgradeRequest);

function act(fake: FakeGiver, one: Step, pairs: readonly ConnectedPair[], taken: readonly TakenConnection[]): void {
  const { what, id } = one;
  if (what === 'descriptor') fake.descriptors.send([id], [descriptorOf(pairs[one.of]?.accepted as Socket)]);
  else if (what === 'offer')
    fake.send(types.offer, id, ...writeOffer({ kind: one.isNew ? 'upgrade' : 'session', head, record: noBytes }));
  else if (what === 'accept') {
    const first = Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    const early = Buffer.alloc(one.early);
    fake.send(types.accept, id, ...writeAccept({ skipFrames: one.skip, record: Buffer.from('r'), first, early }));
  } else if (what === 'close') fake.send(types.close, id, ...writeClose({ code: 1_000, cause: 'enough' }));
  else if (what === 'client') pairs[one.of]?.client.write('anything');
  else if (what === 'leave') void taken[id]?.leave(noBytes);
  else fake.send(types[what], id);
}

test('whatever a giver sends in whatever order, its taker neither throws nor keeps a descriptor, and serves others', {
  timeout: 60_000,
}, async () => {
  const { taker, taken, faults, front, dir } = await startPair({ notes: true });
  const { socket, next } = connectClient(front.port);
  await next();
  const count = (): number => readdirSync('/proc/self/fd').length;
  const before = count();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      taken.length = 0;
      const pairs = await connectPairs(3);
      const fake = await connectFakeGiver(dir);
      for (const one of steps) {
        act(fake, one, pairs, taken);
        await new Promise(setImmediate);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      fake.socket.destroy();
      fake.descriptors.close();
      for (const { client, accepted } of pairs) {
        client.destroy();
        accepted.destroy();
      }
      await expect.poll(() => taker.size).toBe(1);
      await expect.poll(count).toBeLessThanOrEqual(before + 1);
      expect(faults).toEqual([]);
    }),
    { numRuns: 40, endOnFailure: true },
  );
  socket.send('still');
  expect(await next()).toBe('echo still');
});
