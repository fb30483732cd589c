import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { startSeeingTarget } from '../support/wire.ts';

const hidden = 'GET /hidden HTTP/1.1\r\nHost: a\r\nX-Gopush-Uid: eve\r\n\r\n';

const withBody = (method: string, body = hidden) =>
  `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Answers each time something comes. */
const startQuick = (answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok') =>
  startSeeingTarget(({ socket }) => {
    socket.on('data', () => socket.write(answer)).on('end', () => socket.end());
  });

/** A server that does not read the bodies of GET, as Python's own does not. */
async function startPython() {
  const code = `
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        said = (self.path + ' ' + self.headers.get('x-gopush-uid', '')).encode()
        self.send_response(200)
        self.send_header('content-length', str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    do_DELETE = do_OPTIONS = do_GET
    def log_message(self, *all): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
`;
  const python = spawn('python3', ['-c', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void python.kill('SIGKILL'));
  const [line] = await once(python.stdout, 'data');
  return { ip: '127.0.0.1', port: Number(String(line)) };
}

test.each(['GET', 'DELETE', 'OPTIONS'])(
  'a request in the body of a %s that its target does not read is nobody’s request',
  async (method) => {
    const agent = await startTestAgent(hooksTo({ default: await startPython() }));
    for (let round = 0; round < 5; round++) {
      const raw = await openRaw(agent.port, withBody(method));
      await raw.until(/\r\n\r\n\/ ann$/);
      const { body } = await send(`${agent.url}/mine`);
      expect(body).toMatch(/^\/mine ann$/);
      expect(raw.text()).not.toMatch(/hidden|eve/);
    }
  },
);

test('a transfer coding in HTTP/1.0 is refused', async () => {
  const target = await startQuick();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`);
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 400 /);
  expect(target.connections).toHaveLength(0);
});

test.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND'])(
  'after a body on %s the connection to the target ends, and the target is told so',
  async (method) => {
    const target = await startQuick();
    const agent = await startTestAgent(hooksTo({ default: target }));
    for (const bytes of [
      withBody(method),
      `${method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ]) {
      const coming = target.next();
      await openRaw(agent.port, bytes).then((raw) => raw.until(/\r\n\r\n/));
      const { gone, text } = await coming;
      await gone;
      expect(text()).toMatch(/\r\nconnection: close\r\n/);
    }
    expect(target.connections).toHaveLength(2);
  },
);

test('a body that is read as usual, or empty, leaves the connection to the next request', async () => {
  const target = await startQuick();
  const agent = await startTestAgent(hooksTo({ default: target }));
  for (const bytes of [withBody('POST', 'x'), withBody('PUT', 'x'), withBody('PATCH', 'x'), withBody('GET', '')]) {
    await openRaw(agent.port, bytes).then((raw) => raw.until(/ok$/));
  }
  expect(target.connections).toHaveLength(1);
  expect(target.connections[0]?.text()).not.toMatch(/connection: close/);
});

test('a target that answers before it has the body, or with an error, gets no further request on that connection', async () => {
  const early = await startQuick();
  const late = await startQuick('HTTP/1.1 413 Too Much\r\ncontent-length: 2\r\n\r\nno');
  const agent = await startTestAgent(hooksTo({ default: early, late }));
  const raw = await openRaw(agent.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe');
  await raw.until(/ok$/);
  raw.socket.write('llo');
  await send(agent.url);
  expect(early.connections).toHaveLength(2);
  await send(`${agent.url}/?product=late`, { method: 'POST', body: 'x' });
  await send(`${agent.url}/?product=late`);
  expect(late.connections).toHaveLength(2);
});

test('with reuse: false each request has a connection of its own, also beside a product that shares the target', async () => {
  const target = await startQuick();
  const agent = await startTestAgent(
    hooksTo({ default: target, single: { targets: [{ ip: target.ip, ports: [target.port] }], reuse: false } }),
  );
  const client = new HttpAgent({ keepAlive: true });
  onTestFinished(() => client.destroy());
  for (const product of ['default', 'single', 'single', 'default']) {
    await send(`${agent.url}/?product=${product}`, { agent: client });
  }
  expect(target.connections.map(({ text }) => /connection: close/.test(text()))).toEqual([false, true, true]);
});

test.each([
  ['a second Host', 'Host: a\r\nHost: a'],
  ['a second Host in other letters', 'Host: a\r\nhOST: b'],
  ...[
    'a/b',
    'a?b',
    'a@b',
    'a b',
    'a, b',
    'a,b',
    'a#b',
    'a\\b',
    'http://a',
    'a:b',
    'a:80:80',
    '[::1',
    '[a]',
    'a"b',
    'a%2fb',
    'a\tb',
  ].map((host) => [`Host: ${host}`, `Host: ${host}`]),
  ['a length that begins with 0', 'Host: a\r\nContent-Length: 005'],
  ['a length of 00', 'Host: a\r\nContent-Length: 00'],
])('%s is refused, on requests and upgrades', async (_name, headers) => {
  const target = await startQuick();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, `POST / HTTP/1.1\r\n${headers}\r\n\r\nhello`);
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 400 [\s\S]*request_malformed/);
  const upgrade = await openRaw(agent.port, handshakeBytes('/').replace('Host: gateway.test', headers));
  expect(await upgrade.closed()).toMatch(/^HTTP\/1\.1 400 [\s\S]*(request|upgrade)_malformed/);
  expect(target.connections).toHaveLength(0);
});

test('TRACE with a body is refused', async () => {
  const target = await startQuick();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, withBody('TRACE'));
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 400 /);
  expect(target.connections).toHaveLength(0);
});

test.each([
  'a',
  'a.b:80',
  'A_b.test',
  '127.0.0.1:6003',
  '[::1]:6003',
  '[::ffff:1.2.3.4]',
  '',
  'xn--bcher-kva.example',
  'a:',
])('Host: %s is a host', async (host) => {
  const agent = await startTestAgent(hooksTo({ default: await startQuick() }));
  const raw = await openRaw(agent.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await raw.until(/ok$/);
});

test('headers that some targets take for the length of the body do not reach them', async () => {
  const target = await startQuick();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const odd = [
    'Content_Length: 0',
    'Content.Length: 0',
    'Transfer_Encoding: chunked',
    'transfer~encoding: chunked',
    'Proxy: http://evil',
  ];
  await openRaw(agent.port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n${odd.join('\r\n')}\r\n\r\nhi`).then(
    (raw) => raw.until(/ok$/),
  );
  const text = target.connections[0]?.text() ?? '';
  expect(text).toMatch(/\r\nContent-Length: 2\r\n/);
  for (const line of odd) expect(text).not.toContain(line);
});
