import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { sessionTokenHeader } from '@gopush/contract';
import { expect, test } from 'vitest';
import { ResponseRelay } from '../../../src/proxy/http/response-relay.ts';
import { type BodyFraming, parseResponseHead, type ResponseHead } from '../../../src/wire/response-head.ts';

/** A relay to a client, with what the client gets. */
function startRelay(framing: BodyFraming, lines = ''): { relay: ResponseRelay; sent: () => string } {
  const request = Object.assign(new IncomingMessage(new Socket()), { httpVersionMajor: 1, httpVersionMinor: 1 });
  const response = new ServerResponse(request);
  response.sendDate = false;
  const chunks: string[] = [];
  const socket = new Socket();
  socket.write = ((data: string | Buffer) => {
    chunks.push(String(data));
    return true;
  }) as Socket['write'];
  response.assignSocket(socket);
  const head = parseResponseHead(Buffer.from(`HTTP/1.1 200 OK\r\n${lines}\r\n`)) as ResponseHead;
  const relay = new ResponseRelay(head, framing, response, true);
  expect(relay.writeHead(['x-own', '1'])).toBeUndefined();
  return { relay, sent: () => chunks.join('') };
}

test('a short body goes out with its head, and what comes behind it is noticed', () => {
  const { relay, sent } = startRelay(
    { kind: 'length', length: 3 },
    `content-length: 3\r\n${sessionTokenHeader}: t\r\n`,
  );
  expect(relay.take(Buffer.from('abcHTTP/1.1'))).toBe('beyond');
  expect(sent()).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 3\r\nx-own: 1\r\n[\s\S]*\r\n\r\nabc$/);
});

test('a body is relayed as it comes, and ends with its trailers', () => {
  const { relay, sent } = startRelay({ kind: 'chunked' }, 'transfer-encoding: chunked\r\ntrailer: x-sum\r\n');
  expect(relay.take(Buffer.from('1\r\na\r\n'))).toBe('open');
  expect(relay.take(Buffer.from('1\r\nb\r\n0\r\nx-sum: 2\r\nx-forwarded-for: 1\r\n\r\n'))).toBe('done');
  expect(sent()).toMatch(/\r\n1\r\na\r\n[\s\S]*b[\s\S]*0\r\nx-sum: 2\r\n\r\n$/);
  expect(sent()).not.toContain('x-forwarded-for');
});

test('a malformed body is a fault, which is not relayed as an end', () => {
  const { relay, sent } = startRelay({ kind: 'chunked' }, 'transfer-encoding: chunked\r\n');
  expect(relay.take(Buffer.from('1\r\na\r\nzz\r\n'))).toBe('fault');
  expect(relay.body.fault).toBeDefined();
  expect(sent()).not.toContain('0\r\n\r\n');
});
