import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ReadResponse, ResponseReader } from '../../src/taker/response-reader.ts';

/** What is read of a response that is written in pieces of a size; `end`: the server then ends the connection. */
function readInPieces(text: string, size: number, end = false): ReadResponse {
  const reader = new ResponseReader();
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += size) {
    const read = reader.take(bytes.subarray(at, at + size));
    if (read.state !== 'partial') return read;
  }
  return end ? reader.end() : { state: 'partial' };
}

/** As text, so that it can be compared. */
function shown(read: ReadResponse): unknown {
  return JSON.parse(
    JSON.stringify(read, (_, value) => (value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value)),
  );
}

const heads = {
  length: 'HTTP/1.1 400 Bad\r\nContent-Length: 5\r\n\r\n',
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  close: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
  empty: 'HTTP/1.1 204 No\r\n\r\n',
  upgrade: 'HTTP/1.1 101 Switching\r\nUpgrade: a\r\n\r\n',
};

test('a response ends where its framing says, however it is written', () => {
  const body = '5;x=y\r\n0\r\n\r\n\r\n3\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n';
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), (size) => {
      expect(shown(readInPieces(`${heads.length}12345`, size))).toEqual({
        state: 'complete',
        head: heads.length,
        body: '12345',
      });
      expect(shown(readInPieces(heads.chunked + body, size))).toEqual({ state: 'complete', head: heads.chunked, body });
      expect(shown(readInPieces(`${heads.close}all`, size, true))).toEqual({
        state: 'complete',
        head: heads.close,
        body: 'all',
      });
      expect(shown(readInPieces(heads.empty, size))).toEqual({ state: 'complete', head: heads.empty, body: '' });
      const early = `HTTP/1.1 103 Early\r\nLink: a\r\n\r\n${heads.upgrade}`;
      expect(readInPieces(early, size)).toMatchObject({ state: 'upgraded', head: Buffer.from(heads.upgrade) });
    }),
  );
});

test('what follows an upgrade is kept', () => {
  expect(shown(readInPieces(`${heads.upgrade}frames`, 1_000))).toEqual({
    state: 'upgraded',
    head: heads.upgrade,
    rest: 'frames',
  });
});

test.each([
  ['no HTTP', 'HELLO\r\n\r\n'],
  ['a head without end', `HTTP/1.1 101 A\r\n${'x'.repeat(140_000)}`],
  ['a body that is too large', `${heads.close}${'x'.repeat(300_000)}`],
  ['a chunk size that is none', `${heads.chunked}zz\r\n`],
])('%s is no response', (_, text) => {
  expect(readInPieces(text, 50_000).state).toBe('bad');
});

test.each([
  ['nothing', ''],
  ['half a head', 'HTTP/1.1 101'],
  ['half a body', `${heads.length}123`],
])('%s before the end is no response', (_, text) => {
  expect(readInPieces(text, 50_000, true).state).toBe('bad');
});
