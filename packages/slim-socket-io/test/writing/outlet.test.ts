import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Outlet } from '../../src/writing/outlet.ts';

/** A socket that has no descriptor, so that all is written by its `write`, and waits until it is drained. */
class SlowSocket extends Socket {
  readonly chunks: string[] = [];
  readonly waiting: (() => void)[] = [];
  queued = 0;

  constructor() {
    super();
    Object.defineProperties(this, {
      writableLength: { get: () => this.queued },
      writable: { value: true, configurable: true },
    });
  }

  override write(bytes: unknown, written?: unknown): boolean {
    const chunk = bytes as Buffer;
    this.chunks.push(chunk.toString());
    this.queued += chunk.length;
    this.waiting.push(() => {
      this.queued -= chunk.length;
      (written as () => void)();
    });
    return false;
  }

  /** The network has taken everything. */
  drain(): void {
    for (const take of this.waiting.splice(0)) take();
  }
}

function startOutlet() {
  const socket = new SlowSocket();
  const account = { _bufferedBytes: 0 };
  const told: string[] = [];
  const outlet = new Outlet(socket, account, {
    onBehind: () => told.push('behind'),
    onCaughtUp: () => told.push('caught up'),
  });
  return { socket, account, told, outlet };
}

const endOfTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

test('all that one tick writes leaves in one write at its end, and counts as buffered until then', async () => {
  const { socket, account, outlet } = startOutlet();
  outlet.write('a');
  outlet.write(Buffer.from('b'));
  outlet.hold(Buffer.from('c'));
  expect([socket.chunks, account._bufferedBytes]).toEqual([[], 3]);
  await endOfTick();
  expect([socket.chunks, account._bufferedBytes]).toEqual([['abc'], 0]);
});

test('while the client is behind nothing is held back, and its owner is told once that it has caught up', async () => {
  const { socket, told, outlet } = startOutlet();
  outlet.write('a');
  await endOfTick();
  expect([outlet.ready, told]).toEqual([false, ['behind']]);
  outlet.write('b');
  outlet.write('c');
  expect(socket.chunks).toEqual(['a', 'b', 'c']);
  socket.drain();
  expect(outlet.ready).toBe(true);
  expect(told.filter((what) => what === 'caught up')).toHaveLength(1);
  outlet.write('d');
  await endOfTick();
  socket.drain();
  expect(told.filter((what) => what === 'caught up')).toHaveLength(2);
});

test('a write with a callback goes out at once, behind what is held back, and is called back when it was written', () => {
  const { socket, outlet } = startOutlet();
  const calls: unknown[] = [];
  outlet.hold(Buffer.from('a'));
  outlet.write('b', (error) => calls.push(error));
  expect([socket.chunks, calls]).toEqual([['a', 'b'], []]);
  socket.drain();
  expect(calls).toEqual([undefined]);
});

test('at most 64 kB are held back: what exceeds that is written at once, in order', async () => {
  const { socket, outlet } = startOutlet();
  const [small, large] = [Buffer.alloc(1_000, 'a'), Buffer.alloc(70_000, 'b')];
  outlet.hold(small);
  outlet.hold(large);
  expect(socket.chunks.map(({ length }) => length)).toEqual([1_000, 70_000]);
  await endOfTick();
  expect(socket.chunks).toHaveLength(2);
});

test('what is held back for a connection that has ended is dropped', async () => {
  const { socket, account, outlet } = startOutlet();
  outlet.hold(Buffer.from('late'));
  Object.defineProperty(socket, 'writable', { value: false });
  await endOfTick();
  expect([socket.chunks, account._bufferedBytes]).toEqual([[], 0]);
});

/** Notes that tell what had reached the socket by then. */
function noteIn(outlet: Outlet, socket: SlowSocket): string[] {
  const told: string[] = [];
  const say = (what: string): void =>
    void told.push(`${what} after '${socket.chunks.map((one) => one.slice(0, 4)).join('')}'`);
  outlet.notes = {
    passes: (bytes) => say(String(bytes).slice(0, 4)),
    writes: (bytes) => say(`writes ${bytes}`),
    wrote: (bytes) => say(`wrote ${bytes}`),
  };
  return told;
}

test('who notes the stream is told of the whole frames of a tick before they are written', async () => {
  const { socket, outlet } = startOutlet();
  const told = noteIn(outlet, socket);
  outlet.hold(Buffer.from('a'));
  outlet.write('b');
  expect(told).toEqual([]);
  await endOfTick();
  expect(told).toEqual(["a after ''", "b after ''", "writes 2 after ''", "wrote 0 after 'ab'"]);
});

test('of frames that went to the queue of the socket, or in parts, it is told at the end of the tick', async () => {
  const { socket, outlet } = startOutlet();
  const told = noteIn(outlet, socket);
  outlet.hold(Buffer.from('a'));
  outlet.write('b', () => {});
  outlet.write('c');
  await endOfTick();
  expect(told.splice(0)).toEqual(["a after ''", "b after 'ab'", "c after 'abc'", "wrote 3 after 'abc'"]);
  socket.drain();
  // The header of a frame, and a payload that is too large to be held back.
  outlet.hold(Buffer.from('h'));
  outlet.hold(Buffer.alloc(70_000, 'e'));
  await endOfTick();
  expect(told[0]).toBe("h after 'abc'");
  expect(told.at(-1)).toMatch(/^wrote 70001 after/);
  expect(told.join()).not.toContain('writes');
});

test('what was dropped, as the connection has ended, is not noted', async () => {
  const { socket, outlet } = startOutlet();
  const told = noteIn(outlet, socket);
  outlet.hold(Buffer.from('late'));
  Object.defineProperty(socket, 'writable', { value: false });
  await endOfTick();
  expect(told).toEqual(["wrote 0 after ''"]);
});
