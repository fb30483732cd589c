/** One thing that a client or a target may send, byte for byte. */
export interface Case {
  readonly what: string;
  readonly bytes: string;
}

const get = (...lines: string[]): string => ['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n');
const post = (headers: readonly string[], body: string): string =>
  ['POST / HTTP/1.1', 'Host: a', ...headers, '', body].join('\r\n');
const first = (line: string): string => `${line}\r\nHost: a\r\n\r\n`;
const withHosts = (...hosts: string[]): string =>
  ['GET / HTTP/1.1', ...hosts.map((host) => `Host: ${host}`), '', ''].join('\r\n');
const chunked = (body: string): string => post(['Transfer-Encoding: chunked'], body);

/** Requests, each complete: whoever takes it can respond at once. */
export const requests: readonly Case[] = [
  { what: 'an ordinary GET', bytes: get() },
  { what: 'not HTTP at all', bytes: 'hello\r\n\r\n' },
  { what: 'HTTP/0.9: `GET /` with no version', bytes: 'GET /\r\n\r\n' },
  { what: 'version `HTTP/0.9`', bytes: first('GET / HTTP/0.9') },
  { what: 'version `HTTP/1.2`', bytes: first('GET / HTTP/1.2') },
  { what: 'version `HTTP/2.0`', bytes: first('GET / HTTP/2.0') },
  { what: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  { what: 'version `http/1.1`', bytes: first('GET / http/1.1') },
  { what: 'HTTP/1.0 without Host', bytes: 'GET / HTTP/1.0\r\n\r\n' },
  { what: 'an empty line before the request', bytes: `\r\n${get()}` },
  { what: 'lines that end with a bare LF', bytes: 'GET / HTTP/1.1\nHost: a\n\n' },
  { what: 'a bare CR in a header value', bytes: get('X: a\rb') },
  { what: 'a NUL in a header value', bytes: get('X: a\0b') },
  { what: 'another control character in a header value', bytes: get('X: a\x01b') },
  { what: 'bytes above 127 in a header value', bytes: get('X: \xe4') },
  { what: 'a blank before the colon', bytes: get('X : a') },
  { what: 'a header without a name', bytes: get(': a') },
  { what: 'a header without a colon', bytes: get('hello') },
  { what: 'a folded header', bytes: get('X: a', ' b') },
  { what: 'a blank before the first header', bytes: 'GET / HTTP/1.1\r\n Host: a\r\n\r\n' },
  { what: 'a header name with an underscore', bytes: get('X_Y: a') },
  { what: 'a header name with an invalid character', bytes: get('X(Y): a') },
  { what: '300 headers', bytes: get(...Array.from({ length: 300 }, (_, index) => `X-${index}: a`)) },
  { what: 'a cookie of 7 kB', bytes: get(`Cookie: a=${'x'.repeat(7_000)}`) },
  { what: 'a cookie of 16 kB', bytes: get(`Cookie: a=${'x'.repeat(16_000)}`) },
  { what: 'headers of 100 kB', bytes: get(...Array.from({ length: 20 }, () => `X: ${'x'.repeat(5_000)}`)) },
  { what: 'method `get`', bytes: first('get / HTTP/1.1') },
  { what: 'an unknown method', bytes: first('FROBNICATE / HTTP/1.1') },
  { what: 'a method that is not a token', bytes: first('G@T / HTTP/1.1') },
  { what: 'PROPFIND', bytes: first('PROPFIND / HTTP/1.1') },
  { what: 'TRACE', bytes: first('TRACE / HTTP/1.1') },
  { what: 'TRACE with a body', bytes: 'TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx' },
  { what: 'CONNECT', bytes: 'CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n' },
  { what: '`OPTIONS *`', bytes: first('OPTIONS * HTTP/1.1') },
  { what: '`GET *`', bytes: first('GET * HTTP/1.1') },
  { what: 'an absolute-form request target', bytes: first('GET http://a/x HTTP/1.1') },
  { what: 'a path without a slash at its start', bytes: first('GET x HTTP/1.1') },
  { what: 'a blank in the path', bytes: first('GET /a b HTTP/1.1') },
  { what: 'two blanks before the path', bytes: first('GET  / HTTP/1.1') },
  { what: 'a tab instead of a blank', bytes: first('GET\t/ HTTP/1.1') },
  { what: 'UTF-8 in the path', bytes: first('GET /\xc3\xa4 HTTP/1.1') },
  { what: 'a fragment in the request target', bytes: first('GET /a#b HTTP/1.1') },
  { what: 'a backslash in the path', bytes: first('GET /a\\b HTTP/1.1') },
  { what: 'invalid percent-encoding: `/%zz`', bytes: first('GET /%zz HTTP/1.1') },
  { what: '`/%00`', bytes: first('GET /%00 HTTP/1.1') },
  { what: 'a path above the root: `/../a`', bytes: first('GET /../a HTTP/1.1') },
  { what: 'a control character in the path', bytes: first('GET /a\x01 HTTP/1.1') },
  { what: 'a path of 12 kB', bytes: first(`GET /${'a'.repeat(12_000)} HTTP/1.1`) },
  { what: 'no Host', bytes: 'GET / HTTP/1.1\r\n\r\n' },
  { what: 'an empty Host', bytes: withHosts('') },
  { what: 'two Host fields', bytes: withHosts('a', 'b') },
  { what: 'Host with a path', bytes: withHosts('a/b') },
  { what: 'Host with a user', bytes: withHosts('u@a') },
  { what: 'Host with a blank', bytes: withHosts('a b') },
  { what: 'two Content-Length fields that differ', bytes: post(['Content-Length: 1', 'Content-Length: 2'], 'xx') },
  { what: 'two Content-Length fields that are equal', bytes: post(['Content-Length: 1', 'Content-Length: 1'], 'x') },
  { what: '`Content-Length: 1, 1`', bytes: post(['Content-Length: 1, 1'], 'x') },
  { what: '`Content-Length: 001`', bytes: post(['Content-Length: 001'], 'x') },
  { what: '`Content-Length: +1`', bytes: post(['Content-Length: +1'], 'x') },
  { what: '`Content-Length: -1`', bytes: post(['Content-Length: -1'], 'x') },
  { what: '`Content-Length: 0x1`', bytes: post(['Content-Length: 0x1'], 'x') },
  { what: 'an empty Content-Length', bytes: post(['Content-Length:'], '') },
  { what: 'a Content-Length beyond 2^64', bytes: post([`Content-Length: ${'9'.repeat(30)}`], 'x') },
  { what: 'Content-Length and chunks', bytes: post(['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n') },
  { what: 'chunks in HTTP/1.0', bytes: 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' },
  { what: '`Transfer-Encoding: gzip, chunked`', bytes: post(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n') },
  { what: '`Transfer-Encoding: chunked, chunked`', bytes: post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n') },
  { what: '`Transfer-Encoding: identity`', bytes: post(['Transfer-Encoding: identity'], '') },
  { what: '`Transfer-Encoding: xchunked`', bytes: post(['Transfer-Encoding: xchunked'], '0\r\n\r\n') },
  { what: '`Transfer-Encoding: Chunked`', bytes: post(['Transfer-Encoding: Chunked'], '0\r\n\r\n') },
  {
    what: 'two fields Transfer-Encoding: chunked',
    bytes: post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  },
  { what: 'chunks', bytes: chunked('1\r\nx\r\n0\r\n\r\n') },
  { what: 'chunks with an extension', bytes: chunked('1;a=b\r\nx\r\n0\r\n\r\n') },
  { what: 'a trailer', bytes: chunked('0\r\nX: a\r\n\r\n') },
  { what: 'a chunk size that is not a number', bytes: chunked('z\r\nx\r\n0\r\n\r\n') },
  { what: 'a chunk size beyond 2^64', bytes: chunked(`${'f'.repeat(17)}\r\nx\r\n0\r\n\r\n`) },
  { what: 'a chunk longer than its size', bytes: chunked('1\r\nxx\r\n0\r\n\r\n') },
  { what: 'chunks whose lines end with a bare LF', bytes: chunked('1\nx\n0\n\n') },
  { what: 'a body on GET', bytes: get('Content-Length: 1').concat('x') },
  { what: '`Expect: 100-continue`, with the body', bytes: post(['Expect: 100-continue', 'Content-Length: 1'], 'x') },
  { what: 'another `Expect`', bytes: get('Expect: tea') },
  {
    what: 'an offer of `h2c`',
    bytes: get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
  },
];

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
interface Handshake {
  readonly line?: string;
  readonly host?: string;
  readonly connection?: string;
  readonly upgrade?: string;
  readonly keys?: readonly string[];
  readonly version?: string | undefined;
  readonly more?: readonly string[];
  readonly body?: string;
}
function handshake(change: Handshake = {}): string {
  const { line = 'GET / HTTP/1.1', host = 'a', connection = 'Upgrade', upgrade = 'websocket', keys = [key] } = change;
  const version = 'version' in change ? change.version : '13';
  return [
    line,
    `Host: ${host}`,
    `Connection: ${connection}`,
    `Upgrade: ${upgrade}`,
    ...keys.map((each) => `Sec-WebSocket-Key: ${each}`),
    ...(version === undefined ? [] : [`Sec-WebSocket-Version: ${version}`]),
    ...(change.more ?? []),
    '',
    change.body ?? '',
  ].join('\r\n');
}

/** Handshakes of WebSocket. */
export const handshakes: readonly Case[] = [
  { what: 'an ordinary handshake', bytes: handshake() },
  { what: 'HTTP/1.0', bytes: handshake({ line: 'GET / HTTP/1.0' }) },
  { what: 'POST', bytes: handshake({ line: 'POST / HTTP/1.1' }) },
  { what: '`Connection: keep-alive, upgrade`', bytes: handshake({ connection: 'keep-alive, upgrade' }) },
  { what: 'Connection does not name Upgrade', bytes: handshake({ connection: 'keep-alive' }) },
  { what: '`Upgrade: WebSocket`', bytes: handshake({ upgrade: 'WebSocket' }) },
  { what: '`Upgrade: h2c, websocket`', bytes: handshake({ upgrade: 'h2c, websocket' }) },
  { what: '`Upgrade: h2c`', bytes: handshake({ upgrade: 'h2c' }) },
  { what: '`Upgrade: TLS/1.2`', bytes: handshake({ upgrade: 'TLS/1.2' }) },
  { what: 'no key', bytes: handshake({ keys: [] }) },
  { what: 'an empty key', bytes: handshake({ keys: [''] }) },
  { what: 'a key of 15 bytes', bytes: handshake({ keys: ['AAAAAAAAAAAAAAAAAAAA'] }) },
  { what: 'a key that is not base64', bytes: handshake({ keys: ['!!!!!!!!!!!!!!!!!!!!!!=='] }) },
  { what: 'a key whose last bits are not zero', bytes: handshake({ keys: ['dGhlIHNhbXBsZSBub25jZR=='] }) },
  { what: 'two keys', bytes: handshake({ keys: [key, key] }) },
  { what: 'no version', bytes: handshake({ version: undefined }) },
  { what: 'version 8', bytes: handshake({ version: '8' }) },
  { what: 'version 7', bytes: handshake({ version: '7' }) },
  { what: 'version 14', bytes: handshake({ version: '14' }) },
  { what: 'version `13, 8`', bytes: handshake({ version: '13, 8' }) },
  { what: '`Content-Length: 0`', bytes: handshake({ more: ['Content-Length: 0'] }) },
  { what: 'a body', bytes: handshake({ more: ['Content-Length: 1'], body: 'x' }) },
  { what: 'a chunked body', bytes: handshake({ more: ['Transfer-Encoding: chunked'], body: '0\r\n\r\n' }) },
  { what: 'a malformed extension', bytes: handshake({ more: ['Sec-WebSocket-Extensions: ;;='] }) },
  { what: 'an unknown extension', bytes: handshake({ more: ['Sec-WebSocket-Extensions: x-tea'] }) },
  { what: 'a malformed protocol', bytes: handshake({ more: ['Sec-WebSocket-Protocol: a b'] }) },
  { what: 'a protocol twice', bytes: handshake({ more: ['Sec-WebSocket-Protocol: a, a'] }) },
  { what: 'the Origin of another site', bytes: handshake({ more: ['Origin: https://evil.test'] }) },
  { what: '`Origin: http://a/`', bytes: handshake({ more: ['Origin: http://a/'] }) },
  { what: '`Origin: ws://a`', bytes: handshake({ more: ['Origin: ws://a'] }) },
  { what: '`Origin: null`', bytes: handshake({ more: ['Origin: null'] }) },
  { what: 'an Origin that is not a URL', bytes: handshake({ more: ['Origin: hello'] }) },
  { what: 'two Host fields', bytes: handshake({ more: ['Host: b'] }) },
  { what: 'a frame right after the handshake', bytes: handshake({ body: '\x81\x80\0\0\0\0' }) },
];

const ok = (...lines: string[]): string => ['HTTP/1.1 200 OK', ...lines].join('\r\n');
const status = (line: string): string => `${line}\r\nContent-Length: 1\r\n\r\nx`;

/** Responses of a target to a GET; the target closes the connection after it. */
export const responses: readonly Case[] = [
  { what: 'an ordinary response', bytes: ok('Content-Length: 1', '', 'x') },
  { what: 'nothing', bytes: '' },
  { what: 'not HTTP at all', bytes: 'hello\r\n\r\n' },
  { what: 'half a head', bytes: 'HTTP/1.1 200 OK\r\nContent-' },
  { what: 'no reason', bytes: status('HTTP/1.1 200 ') },
  { what: 'no blank after the status', bytes: status('HTTP/1.1 200') },
  { what: 'HTTP/1.0', bytes: status('HTTP/1.0 200 OK') },
  { what: 'version `HTTP/2`', bytes: status('HTTP/2 200 OK') },
  { what: 'version `HTTP/1.2`', bytes: status('HTTP/1.2 200 OK') },
  { what: 'version `http/1.1`', bytes: status('http/1.1 200 OK') },
  { what: 'version `ICY`', bytes: status('ICY 200 OK') },
  { what: 'status 000', bytes: status('HTTP/1.1 000 OK') },
  { what: 'status 099', bytes: status('HTTP/1.1 099 OK') },
  { what: 'status 299', bytes: status('HTTP/1.1 299 OK') },
  { what: 'status 600', bytes: status('HTTP/1.1 600 OK') },
  { what: 'status 999', bytes: status('HTTP/1.1 999 OK') },
  { what: 'status 1000', bytes: status('HTTP/1.1 1000 OK') },
  { what: 'status 20', bytes: status('HTTP/1.1 20 OK') },
  { what: 'status `abc`', bytes: status('HTTP/1.1 abc OK') },
  { what: 'lines that end with a bare LF', bytes: 'HTTP/1.1 200 OK\nContent-Length: 1\n\nx' },
  { what: 'an empty line before the response', bytes: `\r\n${status('HTTP/1.1 200 OK')}` },
  { what: 'a folded header', bytes: ok('X: a', ' b', 'Content-Length: 1', '', 'x') },
  { what: 'a blank before the colon', bytes: ok('X : a', 'Content-Length: 1', '', 'x') },
  { what: 'a header without a colon', bytes: ok('hello', 'Content-Length: 1', '', 'x') },
  { what: 'a header without a name', bytes: ok(': a', 'Content-Length: 1', '', 'x') },
  { what: 'a NUL in a header value', bytes: ok('X: a\0b', 'Content-Length: 1', '', 'x') },
  { what: 'another control character in a header value', bytes: ok('X: a\x01b', 'Content-Length: 1', '', 'x') },
  { what: 'bytes above 127 in a header value', bytes: ok('X: \xe4', 'Content-Length: 1', '', 'x') },
  {
    what: 'headers of 100 kB',
    bytes: ok(...Array.from({ length: 20 }, () => `X: ${'x'.repeat(5_000)}`), 'Content-Length: 1', '', 'x'),
  },
  { what: 'two Content-Length fields that differ', bytes: ok('Content-Length: 1', 'Content-Length: 2', '', 'xx') },
  { what: 'two Content-Length fields that are equal', bytes: ok('Content-Length: 1', 'Content-Length: 1', '', 'x') },
  { what: '`Content-Length: -1`', bytes: ok('Content-Length: -1', '', 'x') },
  { what: '`Content-Length: +1`', bytes: ok('Content-Length: +1', '', 'x') },
  { what: '`Content-Length: abc`', bytes: ok('Content-Length: abc', '', 'x') },
  {
    what: 'Content-Length and chunks',
    bytes: ok('Content-Length: 9', 'Transfer-Encoding: chunked', '', '1\r\nx\r\n0\r\n\r\n'),
  },
  { what: '`Transfer-Encoding: gzip`', bytes: ok('Transfer-Encoding: gzip', '', 'x') },
  { what: '`Transfer-Encoding: identity`', bytes: ok('Transfer-Encoding: identity', '', 'x') },
  { what: '`Transfer-Encoding: xchunked`', bytes: ok('Transfer-Encoding: xchunked', '', 'x') },
  { what: 'chunks', bytes: ok('Transfer-Encoding: chunked', '', '1\r\nx\r\n0\r\n\r\n') },
  { what: 'a trailer after chunks', bytes: ok('Transfer-Encoding: chunked', '', '1\r\nx\r\n0\r\nX: a\r\n\r\n') },
  { what: 'a folded trailer', bytes: ok('Transfer-Encoding: chunked', '', '1\r\nx\r\n0\r\nX: a\r\n b\r\n\r\n') },
  {
    what: 'a blank before the colon of a trailer',
    bytes: ok('Transfer-Encoding: chunked', '', '1\r\nx\r\n0\r\nX : a\r\n\r\n'),
  },
  { what: 'chunks in HTTP/1.0', bytes: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n' },
  { what: 'a chunk size that is not a number', bytes: ok('Transfer-Encoding: chunked', '', 'z\r\nx\r\n0\r\n\r\n') },
  { what: 'chunks without the last one', bytes: ok('Transfer-Encoding: chunked', '', '1\r\nx\r\n') },
  { what: 'no length: the body ends with the connection', bytes: ok('', 'x') },
  { what: 'a body shorter than its Content-Length', bytes: ok('Content-Length: 9', '', 'x') },
  { what: 'a body longer than its Content-Length', bytes: ok('Content-Length: 1', '', 'xyz') },
  { what: 'a body on 204', bytes: 'HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nx' },
  { what: '100, then 200', bytes: `HTTP/1.1 100 Continue\r\n\r\n${status('HTTP/1.1 200 OK')}` },
  { what: '103, then 200', bytes: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${status('HTTP/1.1 200 OK')}` },
  { what: '100 and nothing more', bytes: 'HTTP/1.1 100 Continue\r\n\r\n' },
  {
    what: '101 without an upgrade request',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  },
  {
    what: '407 with `Proxy-Authenticate`',
    bytes: 'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
  },
];

export const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const switching = (...lines: string[]): string => ['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n');
const usual = ['Connection: Upgrade', 'Upgrade: websocket'];

/** Responses of a target to a handshake with the key of RFC 6455. */
export const handshakeResponses: readonly Case[] = [
  { what: 'an ordinary 101', bytes: switching(...usual, `Sec-WebSocket-Accept: ${accept}`) },
  {
    what: 'a wrong Sec-WebSocket-Accept',
    bytes: switching(...usual, 'Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA='),
  },
  { what: 'no Sec-WebSocket-Accept', bytes: switching(...usual) },
  { what: 'no Upgrade', bytes: switching('Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`) },
  { what: 'no Connection', bytes: switching('Upgrade: websocket', `Sec-WebSocket-Accept: ${accept}`) },
  {
    what: 'a different Upgrade',
    bytes: switching('Connection: Upgrade', 'Upgrade: h2c', `Sec-WebSocket-Accept: ${accept}`),
  },
  {
    what: 'an extension that was not asked for',
    bytes: switching(...usual, `Sec-WebSocket-Accept: ${accept}`, 'Sec-WebSocket-Extensions: permessage-deflate'),
  },
  {
    what: 'a protocol that was not asked for',
    bytes: switching(...usual, `Sec-WebSocket-Accept: ${accept}`, 'Sec-WebSocket-Protocol: a'),
  },
  { what: 'a Content-Length', bytes: switching(...usual, `Sec-WebSocket-Accept: ${accept}`, 'Content-Length: 0') },
  { what: '200', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx' },
  { what: '403', bytes: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\n\r\nx' },
  {
    what: '426',
    bytes: 'HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n',
  },
  { what: 'nothing', bytes: '' },
];
