import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { messageTypes as types } from '../src/channel/message-types.ts';
import { writeDuplicate, writeEnd, writeResponse } from '../src/channel/messages.ts';
import { NotesFile } from '../src/giver/notes-file.ts';
import { noSlot } from '../src/notes/layout.ts';
import { descriptorOf } from '../src/system/descriptor-of.ts';
import { KernelSocket } from '../src/system/kernel-socket.ts';
import { type Libc, loadLibc } from '../src/system/libc.ts';
import { connectPairs } from './support/connected-pairs.ts';
import { type FakeTaker, openFakeTaker } from './support/fake-taker.ts';
import { connectClient, openFront, temporaryFolder } from './support/front.ts';
import { LineClient } from './support/lines.ts';
import { fill, recordFiles } from './support/record-files.ts';
import { freePort, takeHere } from './support/taker.ts';

const firstDuplicate = 0x8000_0001;

test('a duplicate whose record finds no memory is not kept, and its giver goes on', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  const fake = await openFakeTaker(dir, port);
  const before = new Set(recordFiles());
  const front = await openFront(dir, port);
  const [file] = recordFiles().filter((descriptor) => !before.has(descriptor));
  await front.giver();
  fill(file as number);
  const [pair] = await connectPairs(1);
  // The newest ones have a place of their own.
  for (let index = 0; index < 17; index++) {
    fake.sendDescriptor(firstDuplicate + index, descriptorOf(pair?.accepted as Socket));
    fake.send(types.duplicate, firstDuplicate + index, ...writeDuplicate({ ...noSlot, record: Buffer.alloc(16_384) }));
  }
  const answers = (): number[] => fake.told.map(({ type }) => type).filter((type) => type !== types.hello);
  await expect.poll(answers).toEqual([...Array.from({ length: 16 }, () => types.kept), types.unkept]);
  expect([front.faults, front.givers.size]).toEqual([[], 16]);
});

test('of a taker whose file of notes did not come nobody says that it is dead', async () => {
  const libc = (await loadLibc()) as Libc;
  const notes = new NotesFile(libc, new KernelSocket(libc), { descriptor: -1, slots: 0, hasLast: true });
  expect(notes.isDead).toBe(false);
});

const ids = fc.constantFrom(1, 1, 1, 2, 0, firstDuplicate, firstDuplicate + 1, 0xffff_ffff);

/** What a taker does: each message has its right form, but comes at any time. */
const step = fc.oneof(
  fc.record({ what: fc.constant('connect' as const), id: ids }),
  fc.record({ what: fc.constant('descriptor' as const), id: ids, of: fc.nat(2) }),
  fc.record({ what: fc.constant('duplicate' as const), id: ids, slot: fc.constantFrom(0, 1, 70_000) }),
  fc.record({ what: fc.constant('response' as const), id: ids, hasBody: fc.boolean() }),
  fc.record({ what: fc.constantFrom('end' as const, 'unfit' as const), id: ids }),
  fc.record({ what: fc.constant('leave' as const), id: ids, size: fc.constantFrom(0, 5, 70_000) }),
  fc.record({ what: fc.constantFrom('stop' as const, 'bye' as const, 'mayBeKilled' as const), id: ids }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const upgrade = Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n');

function act(fake: FakeTaker, one: Step, sockets: readonly Socket[], connectNext: () => void): void {
  const { what, id } = one;
  if (what === 'connect') connectNext();
  else if (what === 'descriptor') fake.sendDescriptor(id, descriptorOf(sockets[one.of] as Socket));
  else if (what === 'duplicate')
    fake.send(types.duplicate, id, ...writeDuplicate({ slot: one.slot, generation: 1, record: Buffer.from('r') }));
  else if (what === 'response') {
    const body = one.hasBody ? Buffer.from('body') : undefined;
    fake.send(types.response, id, ...writeResponse({ ...noSlot, head: upgrade, body }));
  } else if (what === 'end') fake.send(types.end, id, ...writeEnd({ cause: 'x'.repeat(300) }));
  else if (what === 'leave') fake.send(types.leave, id, Buffer.alloc(one.size));
  else fake.send(types[what], id, Buffer.of(1));
}

test('whatever a taker sends in whatever order, its giver neither throws nor keeps a descriptor, and serves others', {
  timeout: 60_000,
}, async () => {
  const dir = temporaryFolder();
  const port = freePort();
  await takeHere(dir, port);
  const honest = await openFront(dir, port);
  await honest.giver();
  const { socket, next } = connectClient(honest.port);
  await next();
  const sockets = (await connectPairs(3)).map(({ accepted }) => accepted);
  const count = (): number => readdirSync('/proc/self/fd').length;
  const before = count();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      const folder = temporaryFolder();
      const fake = await openFakeTaker(folder, port, { respondsNever: true });
      const front = await openFront(folder, port);
      await front.giver();
      const clients: LineClient[] = [];
      for (const one of steps) {
        act(fake, one, sockets, () => clients.push(new LineClient(front.port, '/a')));
        await new Promise(setImmediate);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(front.faults).toEqual([]);
      fake.close();
      front.givers.close();
      front.server.close();
      front.server.closeAllConnections();
      for (const { socket: client } of clients) client.destroy();
      await expect.poll(count).toBeLessThanOrEqual(before);
    }),
    { numRuns: 40, endOnFailure: true },
  );
  socket.send('still');
  expect(await next()).toBe('echo still');
  expect(honest.faults).toEqual([]);
});
