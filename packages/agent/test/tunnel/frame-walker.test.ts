import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import * as ws from 'ws';
import { FrameWalker } from '../../src/tunnel/frame-walker.ts';

/** Writes frames; ws exports it without types. */
const { Sender } = ws as unknown as { Sender: { frame(payload: Buffer, options: object): Buffer[] } };

/** Walks bytes that are cut at these places. */
function walk(bytes: Buffer, cuts: readonly number[]) {
  const controls: [number, string][] = [];
  const walker = new FrameWalker();
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  let boundary = 0;
  for (let index = 1; index < places.length; index++) {
    const [start, end] = [places[index - 1] ?? 0, places[index] ?? 0];
    const chunk = bytes.subarray(start, end);
    const at = walker.walk(chunk, chunk.length, {
      onControl: (opcode, payload) => controls.push([opcode, payload.toString('latin1')]),
    });
    if (at > 0) boundary = start + at;
  }
  return { walker, controls, boundary };
}

const frame = fc.record({
  opcode: fc.constantFrom(1, 2, 8, 9, 10),
  size: fc.oneof(fc.integer({ min: 0, max: 125 }), fc.constantFrom(126, 127, 200, 65_535, 65_536, 70_000)),
  mask: fc.boolean(),
});

test('the walker agrees with ws on random frames, cut anywhere', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat()), (frames, cuts) => {
      const expected: [number, string][] = [];
      let messages = 0;
      const bytes = Buffer.concat(
        frames.flatMap(({ opcode, size, mask }) => {
          const payload = Buffer.alloc(opcode >= 8 ? Math.min(size, 125) : size, 'abc');
          if (opcode >= 8) expected.push([opcode, payload.toString('latin1')]);
          else messages++;
          return Sender.frame(payload, { fin: true, rsv1: false, opcode, mask, readOnly: true } as Parameters<
            typeof Sender.frame
          >[1]);
        }),
      );
      const { walker, controls, boundary } = walk(bytes, cuts);
      expect([walker.fault, walker.messages, controls, walker.atBoundary, boundary]).toEqual([
        undefined,
        messages,
        expected,
        true,
        bytes.length,
      ]);
    }),
    { numRuns: 300 },
  );
});

test('cut within a frame, the boundary is where the frame before it ended', () => {
  const one = Buffer.from([0x81, 2, 0x61, 0x62]);
  const two = Buffer.from([0x81, 3, 0x61]);
  const { walker, boundary } = walk(Buffer.concat([one, two]), []);
  expect([walker.atBoundary, boundary]).toEqual([false, 4]);
});

test('control frames between the fragments of a message are seen, and the fragments count once', () => {
  const bytes = Buffer.from([0x01, 1, 0x61, 0x89, 1, 0x78, 0x80, 1, 0x62]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { walker, controls } = walk(bytes, [cut]);
    expect([walker.messages, controls]).toEqual([1, [[9, 'x']]]);
  }
});

test.each([
  ['a reserved opcode', [0x83, 0]],
  ['a long control frame', [0x89, 126, 0, 126]],
  ['a fragmented control frame', [0x09, 0]],
  ['a length beyond numbers', [0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0]],
])('%s is a fault, and what follows is only counted', (_name, bytes) => {
  const { walker } = walk(Buffer.from([...bytes, 0x81, 0]), []);
  expect(walker.fault).toBeTruthy();
  expect(walker.messages).toBeLessThanOrEqual(1);
});

test('what a real client sends to a real server is walked without a fault', async () => {
  const server = new ws.WebSocketServer({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => server.close());
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.ping('are you there');
    socket.send('x'.repeat(100_000));
    socket.close(1000, 'done');
  });
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const chunks: Buffer[] = [];
  client.on('data', (chunk) => {
    chunks.push(chunk);
    // The answer to its close frame, so that it ends.
    if (Buffer.concat(chunks).includes('done')) client.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
  });
  await once(client, 'close');
  const all = Buffer.concat(chunks);
  const { walker, controls } = walk(all.subarray(all.indexOf('\r\n\r\n') + 4), [7, 1000, 5000]);
  expect([walker.fault, walker.messages]).toEqual([undefined, 1]);
  expect(controls).toEqual([
    [9, 'are you there'],
    [8, '\x03\xe8done'],
  ]);
});

const message = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), text: fc.constantFrom('', '2', '42["x"]', '451-no', '46') }),
  fc.record({ kind: fc.constant('fragments' as const), sizes: fc.array(fc.nat(200), { minLength: 2, maxLength: 4 }) }),
  fc.record({
    kind: fc.constant('event' as const),
    type: fc.constantFrom('5', '6'),
    sizes: fc.array(fc.nat(200), { minLength: 1, maxLength: 12 }),
  }),
  fc.record({ kind: fc.constant('control' as const), opcode: fc.constantFrom(9, 10), size: fc.nat(125) }),
);

/** Adds a frame, and whether nothing is half said after it. */
type Add = (payload: Buffer, opcode: number, fin: boolean, isEnd: boolean) => void;

function addMessage(one: typeof message extends fc.Arbitrary<infer M> ? M : never, add: Add): void {
  if (one.kind === 'control') add(Buffer.alloc(one.size), one.opcode, true, true);
  else if (one.kind === 'text') {
    // What looks like an event with one attachment is one: its attachment comes.
    const isEvent = one.text.startsWith('451-');
    add(Buffer.from(one.text), 1, true, !isEvent);
    if (isEvent) add(Buffer.from('x'), 2, true, true);
  } else {
    const isEvent = one.kind === 'event';
    if (isEvent) add(Buffer.from(`4${one.type}${one.sizes.length}-["e"]`), 1, true, false);
    one.sizes.forEach((size, index) => {
      const isLast = index === one.sizes.length - 1;
      if (isEvent) add(Buffer.alloc(size), 2, true, isLast);
      else add(Buffer.alloc(size, 'a'), index === 0 ? 1 : 0, isLast, isLast);
    });
  }
}

test('places at which nothing is half said: not within a message of several frames, nor before the attachments of an event', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.boolean(), fc.array(fc.nat()), (messages, mask, cuts) => {
      const ends = [0];
      const parts: Buffer[] = [];
      let length = 0;
      const add: Add = (payload, opcode, fin, isEnd) => {
        const options = { fin, rsv1: false, opcode, mask, readOnly: true };
        const bytes = Buffer.concat(Sender.frame(payload, options as Parameters<typeof Sender.frame>[1]));
        parts.push(bytes);
        length += bytes.length;
        if (isEnd) ends.push(length);
      };
      for (const one of messages) addMessage(one, add);
      const bytes = Buffer.concat(parts);
      const walker = new FrameWalker(true);
      const places = [...new Set([0, ...cuts.map((cut) => cut % (length + 1)), length])].sort((a, b) => a - b);
      let whole = 0;
      for (let index = 1; index < places.length; index++) {
        const [start, end] = [places[index - 1] ?? 0, places[index] ?? 0];
        const chunk = bytes.subarray(start, end);
        walker.walk(chunk, chunk.length, { onControl() {} });
        if (walker.wholeUntil > 0) whole = start + walker.wholeUntil;
        expect([walker.fault, whole]).toEqual([undefined, Math.max(...ends.filter((place) => place <= end))]);
        expect(walker.atEvent).toBe(ends.includes(end));
      }
    }),
    { numRuns: 500 },
  );
});

test('messages of several walkers that are cut anywhere are told apart', () => {
  const texts = ['42["event",1]', '4512-["two",1]', '451-["attached"]', '431[]', '42/chat,["event"]', 'text'];
  /** What follows from how a message begins, after each byte of it. */
  const look = (walker: FrameWalker, bytes: Buffer, at: number, places: unknown[]): void => {
    walker.walk(bytes.subarray(at, at + 1), 1, {
      onControl() {},
      onDataEnd: (_chunk, _end, place) => places.push(place),
    });
  };
  const start = (text: string) => {
    const [head, payload] = Sender.frame(Buffer.from(text), { fin: true, rsv1: false, opcode: 1, mask: false });
    return { walker: new FrameWalker(true), bytes: Buffer.concat([head as Buffer, payload as Buffer]), places: [] };
  };
  const alone = texts.map((text) => {
    const { walker, bytes, places } = start(text);
    for (let at = 0; at < bytes.length; at++) look(walker, bytes, at, places);
    return { places, atEvent: walker.atEvent };
  });
  const together = texts.map(start);
  for (let at = 0; at < 20; at++) {
    for (const { walker, bytes, places } of together) if (at < bytes.length) look(walker, bytes, at, places);
  }
  expect(together.map(({ walker, places }) => ({ places, atEvent: walker.atEvent }))).toEqual(alone);
  expect(alone.map(({ atEvent }) => atEvent)).toEqual([true, false, false, true, true, true]);
  expect(alone.map(({ places }) => places[0])).toEqual(['any', 'any', 'any', undefined, 'own event', 'any']);
});
