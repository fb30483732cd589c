import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeadReader } from '../../src/wire/head-reader.ts';
import { createResponseBody } from '../../src/wire/response-body.ts';
import { framingOf, parseResponseHead, staysOpenMs } from '../../src/wire/response-head.ts';

function headOf(text: string) {
  const head = parseResponseHead(Buffer.from(text, 'latin1'));
  if (head === undefined || typeof head === 'string') throw new Error(`no head: ${head}`);
  return head;
}

test('a head is read with its headers as they came', () => {
  expect(headOf('HTTP/1.1 200 All Right\r\nA: 1\r\nset-cookie: x\r\nSet-Cookie:  y \r\nempty:\r\n\r\nbody')).toEqual({
    version: '1.1',
    status: 200,
    reason: 'All Right',
    headers: ['A', '1', 'set-cookie', 'x', 'Set-Cookie', 'y', 'empty', ''],
    size: 72,
    isLoose: false,
  });
  expect(headOf('HTTP/1.1 204\r\n\r\n')).toMatchObject({ status: 204, reason: '' });
});

test('a head that is cut anywhere is waited for', () => {
  const text = 'HTTP/1.1 200 OK\r\na: b\r\n\r\n';
  for (let cut = 0; cut < text.length; cut++)
    expect(parseResponseHead(Buffer.from(text.slice(0, cut)))).toBeUndefined();
});

test.each([
  'what?\r\n\r\n',
  'HTTP/2 200 OK\r\n\r\n',
  'HTTP/1.1 2000 OK\r\n\r\n',
  'HTTP/1.1 200 OK\r\n a: folded\r\n\r\n',
  'HTTP/1.1 200 OK\r\na b : c\r\n\r\n',
  'HTTP/1.1 200 OK\r\na: b\r\r\n\r\n',
  'HTTP/1.1 200 OK\n a: folded\n\n',
  'HTTP/1.1\n200 OK\n\n',
  'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
  'HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n',
  `HTTP/1.1 200 OK\r\na: ${'x'.repeat(70_000)}`,
])('%j is no head', (text) => {
  expect(typeof parseResponseHead(Buffer.from(text, 'latin1'))).toBe('string');
});

test.each([
  ['GET', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', { kind: 'length', length: 5 }],
  ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n', { kind: 'chunked' }],
  ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Identity\r\n\r\n', { kind: 'close' }],
  ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\n', { kind: 'length', length: 3 }],
  ['GET', 'HTTP/1.1 200 OK\r\n\r\n', { kind: 'close' }],
  ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', { kind: 'none' }],
  ['GET', 'HTTP/1.1 304 X\r\ncontent-length: 5\r\n\r\n', { kind: 'none' }],
  ['GET', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n', { kind: 'length', length: 5 }],
])('%s with %j is framed', (method, text, framing) => {
  expect(framingOf(headOf(text), method)).toEqual(framing);
});

test.each([
  'content-length: 5\r\ncontent-length: 6',
  'content-length: 5\r\ntransfer-encoding: chunked',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: chunked\r\ntransfer-encoding: identity',
  'content-length: -1',
  'content-length: 5, 5',
  'content-length: 0x5',
])('%j can be understood in two ways, and is refused', (headers) => {
  expect(typeof framingOf(headOf(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`), 'GET')).toBe('string');
});

test.each([
  ['lines that end with a bare LF', 'HTTP/1.1 200 OK\na: b\nc: d\n\n', ['a', 'b', 'c', 'd']],
  ['lines of both kinds', 'HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n', ['a', 'b', 'c', 'd']],
  ['an empty line of the other kind', 'HTTP/1.1 200 OK\na: b\n\r\n', ['a', 'b']],
  ['an empty line of the other kind after CR LF', 'HTTP/1.1 200 OK\r\na: b\r\n\n', ['a', 'b']],
  ['no headers', 'HTTP/1.1 200\n\n', []],
  [
    'a line that goes on in the next ones',
    'HTTP/1.1 200 OK\r\na: b\r\n  c\r\n\td\r\ne: f\r\n\r\n',
    ['a', 'b c d', 'e', 'f'],
  ],
  ['blanks before a colon', 'HTTP/1.1 200 OK\r\na \t: b\r\n\r\n', ['a', 'b']],
])(
  'a head with %s is read as curl and nginx read it, and its connection serves no other request',
  (_name, text, headers) => {
    const head = headOf(`${text}body\r\n\r\n`);
    expect(head.headers).toEqual(headers);
    expect([head.size, staysOpenMs(head)]).toEqual([text.length, 0]);
    for (let cut = 1; cut < text.length; cut++) {
      expect(parseResponseHead(Buffer.from(text.slice(0, cut), 'latin1'))).toBeUndefined();
    }
  },
);

test('a head of many blanks is read in no time', () => {
  const blanks = ' '.repeat(60_000);
  const before = process.cpuUsage();
  for (const text of [`a: b${blanks}c\n`, `a${blanks}b\n`, `a: b\r\n${blanks}\n c\n`, `a:${'\n '.repeat(30_000)}\n`]) {
    parseResponseHead(Buffer.from(`HTTP/1.1 200 OK\r\n${text}\n`));
  }
  expect(process.cpuUsage(before).user).toBeLessThan(500_000);
});

test('a connection stays open as the version and the target say', () => {
  expect(staysOpenMs(headOf('HTTP/1.1 200 OK\r\n\r\n'))).toBe(Number.POSITIVE_INFINITY);
  expect(staysOpenMs(headOf('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'))).toBe(0);
  expect(staysOpenMs(headOf('HTTP/1.0 200 OK\r\n\r\n'))).toBe(0);
  expect(staysOpenMs(headOf('HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\n'))).toBe(Number.POSITIVE_INFINITY);
  expect(staysOpenMs(headOf('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=9\r\n\r\n'))).toBe(4_000);
});

test('chunks cut anywhere come out as the content they hold, and what follows is left', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })),
      fc.array(fc.nat()),
      fc.boolean(),
      (chunks, cuts, trailers) => {
        const coded = Buffer.concat([
          ...chunks.flatMap((chunk) => [
            Buffer.from(`${chunk.length.toString(16)};ext=1\r\n`),
            chunk,
            Buffer.from('\r\n'),
          ]),
          Buffer.from(trailers ? '0\r\nx-sum: 1\r\n\r\n' : '0\r\n\r\n'),
        ]);
        const bytes = Buffer.concat([coded, Buffer.from('HTTP/1.1')]);
        const body = createResponseBody({ kind: 'chunked' });
        const content: Buffer[] = [];
        const places = [...new Set([0, ...cuts.map((cut) => cut % coded.length), bytes.length])].sort((a, b) => a - b);
        let consumed = 0;
        for (let index = 1; index < places.length; index++) {
          consumed += body.read(bytes.subarray(places[index - 1], places[index]), (part) =>
            content.push(Buffer.from(part)),
          );
        }
        expect([body.done, body.fault, consumed]).toEqual([true, undefined, coded.length]);
        expect(Buffer.concat(content)).toEqual(Buffer.concat(chunks));
        expect(body.trailers).toEqual(trailers ? ['x-sum', '1'] : []);
      },
    ),
  );
});

test.each([
  ['continue in the next line', 'x-sum: 1\r\n 2\r\n\t3\r\nx-b: 4\r\n', ['x-sum', '1 2 3', 'x-b', '4']],
  ['continue, with an empty first line', 'x-sum:\r\n  1\r\n', ['x-sum', '1']],
  ['have a blank before the colon', 'x-sum : 1\r\n', ['x-sum', '1']],
  ['continue, and end in a bare LF', 'x-sum: 1\n 2\n', ['x-sum', '1 2']],
])('trailers that %s are taken as they would be in a head', (_form, lines, trailers) => {
  for (let cut = 0; cut < lines.length; cut++) {
    const body = createResponseBody({ kind: 'chunked' });
    body.read(Buffer.from(`1\r\nx\r\n0\r\n${lines.slice(0, cut)}`), () => {});
    body.read(Buffer.from(`${lines.slice(cut)}\r\n`), () => {});
    expect([body.fault, body.done, body.isLoose, body.trailers]).toEqual([undefined, true, true, trailers]);
  }
});

test.each([
  '5\rhello\r\n',
  'x\r\n',
  '5\r\nhelloX\r\n',
  '-1\r\n',
  `${'0'.repeat(20)}5\r\n`,
  `1;${'x'.repeat(20_000)}`,
  '0\r\n: no name\r\n\r\n',
  '0\r\n continues nothing\r\n\r\n',
])('chunks as %j are a fault', (text) => {
  const body = createResponseBody({ kind: 'chunked' });
  body.read(Buffer.from(text), () => {});
  expect(body.fault).toBeTruthy();
});

test('a trailer that continues without end is a fault', () => {
  const body = createResponseBody({ kind: 'chunked' });
  body.read(Buffer.from('0\r\nx: 1\r\n'), () => {});
  for (let line = 0; line < 200; line++) body.read(Buffer.from(` ${'x'.repeat(99)}\r\n`), () => {});
  expect(body.fault).toBe('its trailers are too long');
});

test('whatever bytes come, a reader answers and never reads beyond them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const body = createResponseBody({ kind: 'chunked' });
      expect(body.read(Buffer.from(bytes), () => {})).toBeLessThanOrEqual(bytes.length);
      parseResponseHead(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n'), bytes]));
    }),
  );
});

test('a head that comes byte by byte costs no more than its bytes', () => {
  const cost = (bytes: number): number => {
    const reader = new HeadReader();
    const text = Buffer.from(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(bytes)}\r\n\r\nrest`);
    const before = process.cpuUsage();
    let head: ReturnType<HeadReader['read']>;
    for (let at = 0; head === undefined; at++) head = reader.read(text.subarray(at, at + 1));
    const { user, system } = process.cpuUsage(before);
    expect(head).toMatchObject({ status: 200, size: text.length - 4 });
    return user + system;
  };
  cost(2_000);
  // Looking at all of it with each byte would take a hundred times as long.
  expect(cost(60_000) / cost(6_000)).toBeLessThan(60);
});

test.each(['\r\n', '\n'])(
  'a head ends at the same place wherever it is cut, with %j at the end of its lines',
  (end) => {
    const text = Buffer.from(`HTTP/1.1 200 OK${end}x: y${end}${end}rest`);
    for (let one = 0; one <= text.length; one++) {
      for (let two = one; two <= text.length; two++) {
        const reader = new HeadReader();
        const heads = [text.subarray(0, one), text.subarray(one, two), text.subarray(two)].map((part) =>
          reader.read(part),
        );
        const [head] = heads.filter((found) => found !== undefined);
        expect(head).toMatchObject({ status: 200, size: text.length - 4 });
        if (two === text.length - 4) break;
      }
    }
  },
);
