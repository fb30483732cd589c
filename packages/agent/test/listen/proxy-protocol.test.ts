import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseProxyHeader } from '../../src/listen/proxy-protocol.ts';
import { headerV1, headerV2, signature } from '../support/proxy-header.ts';

const parse = (text: string) => parseProxyHeader(Buffer.from(text, 'latin1'));

test.each([
  ['TCP4', 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n', { address: '192.0.2.1', port: 56324, family: 'IPv4' }],
  ['TCP6', 'PROXY TCP6 2001:DB8:0::1 ::1 0 65535\r\n', { address: '2001:db8::1', port: 0, family: 'IPv6' }],
  [
    'IPv4 within TCP6',
    'PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n',
    { address: '::ffff:192.0.2.1', port: 1, family: 'IPv6' },
  ],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', undefined],
  ['UNKNOWN with whatever', 'PROXY UNKNOWN ffff:f... anything 65535\r\n', undefined],
  ['the longest', `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`, undefined],
])('version 1: %s', (_name, text, peer) => {
  expect(parse(text)).toEqual({ kind: 'whole', length: text.length, peer });
  expect(parse(`${text}GET / HTTP/1.1\r\n\r\n`)).toEqual({ kind: 'whole', length: text.length, peer });
});

test.each([
  ['one byte too long', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`, /end of the line/],
  ['HTTP', 'GET / HTTP/1.1\r\n', /neither/],
  ['lower case', 'proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n', /neither/],
  ['UDP', 'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n', /a protocol other than/],
  ['a property of every object', 'PROXY constructor 192.0.2.1 192.0.2.2 1 2\r\n', /a protocol other than/],
  ['UNKNOWN glued', 'PROXY UNKNOWNX\r\n', /a protocol other than/],
  ['two spaces', 'PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n', /more than|address/],
  ['a leading zero in an address', 'PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n', /address/],
  ['a leading zero in a port', 'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n', /port/],
  ['a port too high', 'PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n', /port/],
  ['a signed port', 'PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n', /port/],
  ['no ports', 'PROXY TCP4 192.0.2.1 192.0.2.2\r\n', /port/],
  ['a word too many', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n', /more than/],
  ['IPv6 in TCP4', 'PROXY TCP4 ::1 ::1 1 2\r\n', /address/],
  ['IPv4 in TCP6', 'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n', /address/],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', /address/],
  ['a line feed in the middle', 'PROXY TCP4 192.0.2.1\n192.0.2.2 1 2\r\n', /address|port/],
])('version 1 refused: %s', (_name, text, problem) => {
  expect(parse(text)).toEqual({ kind: 'malformed', problem: expect.stringMatching(problem) });
});

test('version 2: the proxy itself, and clients without an address, leave the address as it is', () => {
  const block = Buffer.from('any block of a proxy that speaks for itself');
  for (const [command, family] of [
    [0x20, 0x00],
    [0x20, 0x11],
    [0x20, 0xff],
    [0x21, 0x00],
    [0x21, 0x10],
    [0x21, 0x12],
    [0x21, 0x31],
  ] as const) {
    const bytes = headerV2({ command, family, block });
    expect(parseProxyHeader(bytes)).toEqual({ kind: 'whole', length: bytes.length, peer: undefined });
  }
});

test.each([
  ['version 1 in binary', { command: 0x11, family: 0x11 }, /version or command/],
  ['version 3', { command: 0x31, family: 0x11 }, /version or command/],
  ['an unknown command', { command: 0x22, family: 0x11 }, /version or command/],
  ['an unknown family', { command: 0x21, family: 0x41 }, /family/],
  ['an unknown transport', { command: 0x21, family: 0x13 }, /family/],
  ['IPv4 cut', { command: 0x21, family: 0x11, block: Buffer.alloc(11) }, /too short/],
  ['IPv6 cut', { command: 0x21, family: 0x21, block: Buffer.alloc(35) }, /too short/],
  ['one byte too long', { command: 0x20, family: 0x00, block: Buffer.alloc(4_097) }, /longer than 4096/],
])('version 2 refused: %s', (_name, header, problem) => {
  const bytes = headerV2({ block: Buffer.alloc(36), ...header });
  const refused = { kind: 'malformed', problem: expect.stringMatching(problem) };
  expect(parseProxyHeader(bytes)).toEqual(refused);
  // Nothing of the block is waited for.
  expect(parseProxyHeader(bytes.subarray(0, 16))).toEqual(refused);
});

test('version 2 as long as is taken', () => {
  const bytes = headerV2({ command: 0x21, family: 0x11, block: Buffer.alloc(4_096) });
  expect(parseProxyHeader(bytes)).toMatchObject({ kind: 'whole', length: 16 + 4_096, peer: { address: '0.0.0.0' } });
});

const port = fc.integer({ min: 0, max: 65_535 });
const header = fc.oneof(
  fc.tuple(fc.constant(1 as const), fc.ipV4(), port, fc.constant(Buffer.alloc(0))),
  fc.tuple(fc.constant(1 as const), fc.ipV6(), port, fc.constant(Buffer.alloc(0))),
  fc.tuple(fc.constant(2 as const), fc.ipV4(), port, fc.uint8Array({ maxLength: 100 })),
  fc.tuple(fc.constant(2 as const), fc.ipV6(), port, fc.uint8Array({ maxLength: 100 })),
);

test('random addresses come out as they went in, whatever follows, and each shorter piece waits for more', () => {
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 50 }), ([version, address, port, tlvs], rest) => {
      const bytes = version === 1 ? headerV1(address, port) : headerV2({ address, port, tlvs });
      const family = address.includes(':') ? 'IPv6' : 'IPv4';
      const plain = family === 'IPv4' ? address : new SocketAddress({ address, family: 'ipv6' }).address;
      expect(parseProxyHeader(Buffer.concat([bytes, rest]))).toEqual({
        kind: 'whole',
        length: bytes.length,
        peer: { address: plain, port, family },
      });
      for (let cut = 0; cut < bytes.length; cut++) {
        expect(parseProxyHeader(bytes.subarray(0, cut))).toEqual({ kind: 'partial' });
      }
    }),
  );
});

test('garbage never throws, and what is refused stays refused when more comes', () => {
  const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ::', signature.toString('latin1'));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (text, garbage) => {
      const bytes = Buffer.concat([Buffer.from(text, 'latin1'), garbage]);
      let before = 'partial';
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { kind } = parseProxyHeader(bytes.subarray(0, cut));
        if (before !== 'partial') expect(kind).toBe(before);
        before = kind;
      }
    }),
    { numRuns: 1_000 },
  );
});
