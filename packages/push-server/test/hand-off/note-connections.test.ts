import { createServer, Socket } from 'node:net';
import { numberOfEpoch } from '@gopush/contract';
import type { TakenConnection } from '@gopush/hand-off';
import { expect, test } from 'vitest';
import { joinServer } from '../../src/hand-off/joined-connection.ts';
import { notesFor } from '../../src/hand-off/note-connections.ts';

/** Notes of a connection whose taker remembers them. */
function start() {
  const noted: unknown[] = [];
  const socket = new Socket();
  const taken = {
    socket,
    writes: (...args: unknown[]) => noted.push(['ahead', ...args]),
    writesOthers: (...args: unknown[]) => noted.push(['others', ...args]),
    wrote: (bytes: number, stream = 0, offset = 0) => noted.push(stream === 0 ? [bytes] : [bytes, stream, offset]),
    handles: () => noted.push('handles'),
    read: () => noted.push('read'),
    half: (bytes: Buffer) => noted.push(`half: ${bytes.toString('hex')}`),
    handlesErrors: () => undefined,
  } as unknown as TakenConnection;
  joinServer(taken, createServer(), { address: '127.0.0.1', family: 'IPv4', port: 1 });
  const receiver = {
    _state: 0,
    _bufferedBytes: 0,
    _fragmented: 0,
    _fragments: [] as Buffer[],
    _buffers: [] as Buffer[],
    _opcode: 1,
    _payloadLength: 0,
    _fin: true,
    _errored: false,
  };
  const notes = notesFor({ _socket: socket, _receiver: receiver, extensions: '' } as never);
  if (notes === undefined) throw new Error('no notes');
  return { notes, noted, socket, receiver };
}

/** A frame of a server. */
function frame(opcode: number, payload: string): Buffer {
  const bytes = Buffer.from(payload);
  const long = Buffer.alloc(8);
  long.writeBigUInt64BE(BigInt(bytes.length));
  const length =
    bytes.length < 126
      ? Buffer.of(bytes.length)
      : bytes.length < 65_536
        ? Buffer.of(126, bytes.length >> 8, bytes.length & 0xff)
        : Buffer.concat([Buffer.of(127), long]);
  return Buffer.concat([Buffer.of(0x80 | opcode), length, bytes]);
}

const [text, binary] = [1, 2];
const event = (position: string, size = 0): string => `42["chat","${'x'.repeat(size)}","${position}"]`;
const mark = (epoch: string, offset: number, bytes = 0) => [bytes, numberOfEpoch(epoch), offset];

test.each([0, 200, 70_000])('the position at the end of an event is noted, with %d bytes before it', (size) => {
  const { notes, noted } = start();
  notes.passes(frame(text, event('abc.12~', size)));
  notes.wrote(7);
  expect(noted).toEqual([mark('abc', 12, 7)]);
});

test('of an event with its position in a frame behind it, and of the response to a CONNECT', () => {
  const { notes, noted } = start();
  notes.passes(Buffer.concat([frame(text, '42["chat","x"]'), frame(text, '42["go:mark","abc.12~"]')]));
  notes.passes(frame(text, '40{"sid":"s","mark":"engine.1~"}'));
  notes.wrote(9);
  notes.wrote(3);
  expect(noted).toEqual([mark('abc', 12), mark('engine', 1, 9), [3]]);
});

test('a frame that goes to many clients is noted for each', () => {
  const [one, other] = [start(), start()];
  const shared = frame(text, event('abc.12~'));
  for (const { notes } of [one, other, one]) {
    notes.passes(shared);
    notes.wrote(1);
  }
  expect([one.noted, other.noted]).toEqual([[mark('abc', 12, 1), mark('abc', 12, 1)], [mark('abc', 12, 1)]]);
});

test('frames of a tick are noted before they are written, with the position of the last', () => {
  const { notes, noted } = start();
  for (const position of ['a.1~', 'a.2~']) notes.passes(frame(text, event(position)));
  notes.writes(50);
  notes.wrote(0);
  expect(noted.splice(0)).toEqual([['ahead', 50, numberOfEpoch('a'), 2]]);
  notes.passes(frame(text, '3'));
  notes.writes(3);
  notes.wrote(0);
  expect(noted).toEqual([['ahead', 3]]);
});

test('positions of several streams are noted before they are written, and moved to their places right after it; very many only then', () => {
  const { notes, noted } = start();
  for (const position of ['a.1~', 'a.2~', 'b.1~', 'a.3~']) notes.passes(frame(text, event(position)));
  notes.writes(50);
  const others = [
    { stream: numberOfEpoch('a'), offset: 2 },
    { stream: numberOfEpoch('b'), offset: 1 },
  ];
  expect(noted.splice(0)).toEqual([
    ['others', 50, others],
    ['ahead', 50, numberOfEpoch('a'), 3],
  ]);
  notes.wrote(0);
  expect(noted.splice(0)).toEqual([[0]]);
  for (let at = 0; at < 62; at++) notes.passes(frame(text, event(`${at % 2 === 0 ? 'a' : 'b'}.${at}~`)));
  notes.writes(50);
  expect(noted).toEqual([]);
  notes.wrote(0);
  expect(noted).toHaveLength(62);
  expect(noted.at(-1)).toEqual(mark('b', 61, 50));
});

test('what a client has published as binary is no position, however it looks, nor what stands within a text', () => {
  const { notes, noted } = start();
  notes.passes(frame(binary, event('abc.12~')));
  // The header of a frame, and its payload, apart.
  const bytes = frame(binary, frame(text, event('abc.13~')).toString('latin1'));
  notes.passes(bytes.subarray(0, 2));
  notes.passes(bytes.subarray(2));
  notes.passes(frame(text, '42["chat","abc.14~" ]'));
  notes.passes(frame(text, '42["chat",{"a":["abc.15~"],"b":1}]'));
  notes.wrote(1);
  expect(noted.splice(0)).toEqual([[1]]);
  const whole = frame(text, event('abc.16~'));
  notes.passes(whole.subarray(0, 2));
  notes.passes(whole.subarray(2));
  notes.wrote(1);
  expect(noted).toEqual([mark('abc', 16, 1)]);
});

test('what was read is noted where a message ends, and within one with its beginning, unless that is long or in very many pieces', () => {
  const { noted, socket, receiver } = start();
  const read = (state: Partial<typeof receiver>): unknown[] => {
    const before = { ...receiver };
    socket.emit('data', Object.assign(receiver, state) && Buffer.alloc(0));
    Object.assign(receiver, before);
    return noted.splice(0);
  };
  expect(read({})).toEqual(['read']);
  expect(read({ _fragmented: 2, _fragments: [Buffer.of(7)] })).toEqual(['handles', 'half: 02810000000007']);
  const long = { _bufferedBytes: 65_001, _buffers: [Buffer.alloc(65_001)] };
  expect(read({ _state: 4, _payloadLength: 70_000, ...long })).toEqual([]);
  // Copying it again with each piece of a few bytes would take long.
  const pieces = Array.from({ length: 300 }, () => Buffer.of(7));
  expect(read({ _state: 4, _payloadLength: 400, _bufferedBytes: 300, _buffers: pieces })).toEqual([]);
  expect(read({ _fragmented: 2, _fragments: pieces })).toEqual(['handles']);
  expect(read({ _errored: true, _bufferedBytes: 1, _buffers: [Buffer.of(0x81)] })).toEqual(['handles']);
});

test('a connection that was not handed over has no notes', () => {
  expect(notesFor({ _socket: new Socket() } as never)).toBeUndefined();
});
