import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw } from '../support/client.ts';
import { countRequests, startSeeingTarget } from '../support/wire.ts';

const hidden = 'GET /hidden HTTP/1.1\r\nHost: a\r\nX-Gopush-Uid: eve\r\n\r\n';
const hiddenInChunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;

async function startBoth() {
  const target = await startSeeingTarget(({ socket }) => {
    // Answers each time something comes, as a target does that takes what comes for a request.
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  });
  return { target, agent: await startTestAgent(hooksTo({ default: target })) };
}

const post = (headers: string, body: string): string => `POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;

test.each([
  ['CL.TE', post('Content-Length: 6\r\nTransfer-Encoding: chunked', `0\r\n\r\n${hidden}`)],
  ['TE.CL', post('Transfer-Encoding: chunked\r\nContent-Length: 4', hiddenInChunk)],
  ['TE.TE, the second unknown', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: cow', hiddenInChunk)],
  ['TE.TE, the first unknown', post('Transfer-Encoding: cow\r\nTransfer-Encoding: chunked', hiddenInChunk)],
  ['TE.TE, identity', post('Transfer-Encoding: identity\r\nTransfer-Encoding: chunked', hiddenInChunk)],
  ['chunked twice', post('Transfer-Encoding: chunked, chunked', hiddenInChunk)],
  ['a coding that only looks like chunked', post('Transfer-Encoding: xchunked', hiddenInChunk)],
  ['chunked with a parameter', post('Transfer-Encoding: chunked;x=1', hiddenInChunk)],
  ['chunked in quotes', post('Transfer-Encoding: "chunked"', hiddenInChunk)],
  ['chunked after a vertical tab', post('Transfer-Encoding: \x0bchunked', hiddenInChunk)],
  ['another coding before chunked', post('Transfer-Encoding: gzip, chunked', hiddenInChunk)],
  ['another coding alone', post('Transfer-Encoding: gzip', hiddenInChunk)],
  ['an empty coding', post('Transfer-Encoding:', hiddenInChunk)],
  ['two equal lengths', post(`Content-Length: 2\r\nContent-Length: 2`, `ab${hidden}`)],
  ['two lengths that differ', post(`Content-Length: ${hidden.length}\r\nContent-Length: 0`, hidden)],
  ['two lengths in one line', post(`Content-Length: 0, ${hidden.length}`, hidden)],
  ['a length with a plus', post(`Content-Length: +${hidden.length}`, hidden)],
  ['a length with a minus', post('Content-Length: -1', hidden)],
  ['a length in hexadecimal', post('Content-Length: 0x10', hidden)],
  ['a length that is empty', post('Content-Length:', hidden)],
  ['a length beyond all numbers', post(`Content-Length: ${'9'.repeat(30)}`, hidden)],
  ['a folded header', post('X: a\r\n Content-Length: 0\r\nTransfer-Encoding:\r\n chunked', hiddenInChunk)],
  ['a space before the colon', post('Transfer-Encoding : chunked', hiddenInChunk)],
  ['a line that ends with a bare LF', post('X: a\nTransfer-Encoding: chunked', hiddenInChunk)],
  ['a head that ends with bare LFs', `GET / HTTP/1.1\nHost: a\n\n${hidden}`],
  ['a bare CR', post('X: a\rTransfer-Encoding: chunked', hiddenInChunk)],
  ['NUL in a header', post('X: a\0b\r\nContent-Length: 0', hidden)],
  ['NUL in the name of a header', post('Transfer-Encoding\0: chunked', hiddenInChunk)],
  ['a line without a colon', post('Transfer-Encoding', hidden)],
])('%s is refused, and none of it reaches the target', async (_name, bytes) => {
  const { target, agent } = await startBoth();
  const raw = await openRaw(agent.port, bytes);
  const text = await raw.closed();
  expect(text).toMatch(/^HTTP\/1\.1 400 [\s\S]*request_malformed/);
  // One refusal, and nothing that was served after it.
  expect(text).not.toMatch(/ 200 OK/);
  await agent.close();
  expect(target.connections).toHaveLength(0);
});

test.each([
  ['the size of a chunk with a plus', '+3\r\nabc\r\n0\r\n\r\n'],
  ['the size of a chunk in 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['the size of a chunk that is empty', '\r\nabc\r\n0\r\n\r\n'],
  ['the size of a chunk beyond all numbers', `${'f'.repeat(20)}\r\nabc\r\n0\r\n\r\n`],
  ['a chunk that is longer than it says', `3\r\nabcdef\r\n0\r\n\r\n${hidden}`],
  ['a chunk whose line ends with a bare LF', `3\nabc\r\n0\r\n\r\n${hidden}`],
  ['an extension with a bare LF', `3;x\nabc\r\n0\r\n\r\n${hidden}`],
])('%s never makes a second request at the target', async (_name, body) => {
  const { target, agent } = await startBoth();
  const raw = await openRaw(agent.port, post('Transfer-Encoding: chunked', body));
  // The answer of a target that answers at once may have begun; then the connection is cut.
  await raw.closed();
  await agent.close();
  const seen = target.connections.map(({ text }) => text()).join('');
  expect(countRequests(seen)).toBeLessThanOrEqual(1);
  expect(seen).not.toMatch(/hidden|eve/);
  expect(seen).not.toMatch(/0\r\n\r\n$/);
});

test('the extensions of chunks end at the gateway, and the body arrives', async () => {
  const { target, agent } = await startBoth();
  const coming = target.next();
  const raw = await openRaw(agent.port, post('Transfer-Encoding: Chunked', '3;a=b;c="d e"\r\nabc\r\n0;last\r\n\r\n'));
  const { text, until } = await coming;
  await until(/\r\n0\r\n\r\n$/);
  await raw.until(/ok$/);
  expect(text()).toMatch(/\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
  expect(countRequests(text())).toBe(1);
});

test.each([
  ['Connection: content-length', `Connection: content-length\r\nContent-Length: ${hidden.length}`, hidden],
  ['Connection: transfer-encoding', 'Connection: transfer-encoding\r\nTransfer-Encoding: chunked', hiddenInChunk],
  [
    'two Connection headers',
    `Connection: close\r\nConnection: x, Content-Length\r\nContent-Length: ${hidden.length}`,
    hidden,
  ],
])('%s does not make the body a second request', async (_name, headers, body) => {
  const { target, agent } = await startBoth();
  const coming = target.next();
  await openRaw(agent.port, post(headers, body));
  const { text, until } = await coming;
  const [head] = await until(/^[\s\S]*?\r\n\r\n/);
  await until(/eve\r\n\r\n/);
  expect(head).toMatch(new RegExp(`\r\n(Content-Length: ${hidden.length}|transfer-encoding: chunked)\r\n`, 'i'));
  expect(text().indexOf('hidden')).toBeGreaterThan(head.length);
});

test('a body that looks like a request arrives as a body', async () => {
  const { target, agent } = await startBoth();
  const coming = target.next();
  await openRaw(agent.port, post(`Content-Length: ${hidden.length}`, hidden));
  const { text, until } = await coming;
  await until(/eve\r\n\r\n$/);
  expect(text()).toMatch(new RegExp(`\r\nContent-Length: ${hidden.length}\r\n`));
});

test('an upgrade with a body of any framing is refused', async () => {
  const { target, agent } = await startBoth();
  for (const headers of [{ 'Transfer-Encoding': 'gzip, chunked' }, { 'Content-Length': '1' }]) {
    const raw = await openRaw(agent.port, handshakeBytes('/', headers));
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 400 [\s\S]*(upgrade|request)_malformed/);
  }
  expect(target.connections).toHaveLength(0);
});
