import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { untilMetric, withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { headerV1, headerV2 } from '../support/proxy-header.ts';
import { startEchoTarget, startTarget } from '../support/target.ts';

const request = 'GET / HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n';
const behindProxy = { access: { proxyProtocol: ['127.0.0.0/8'] } };
const client = { address: '203.0.113.9', port: 4_711 };
const headers = [
  ['version 1', headerV1(client.address, client.port)],
  ['version 2', headerV2({ ...client, tlvs: Buffer.from('030004a1b2c3d4', 'hex') })],
] as const;

/** What a target has seen, of an answer that it wrote. */
function seenIn(text: string): { headers: Record<string, string>; body: string } {
  return JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, ''));
}

test.each(headers)('%s: hooks and targets see the client', async (_name, header) => {
  const target = await startTarget();
  const seen: unknown[] = [];
  const agent = await startTestAgent(
    {
      agent: ({ socket }) => {
        seen.push([socket.remoteAddress, socket.remotePort, socket.remoteFamily]);
        return 'ann';
      },
      router: { default: target },
    },
    behindProxy,
  );
  const raw = await openRaw(agent.port, `${header.toString('latin1')}${request}`);
  const { headers } = seenIn(await raw.closed());
  expect(seen).toEqual([[client.address, client.port, 'IPv4']]);
  expect(headers).toMatchObject({ 'x-forwarded-for': client.address, 'x-forwarded-proto': 'http' });
});

test.each(headers)('%s: byte by byte, with a body and a second request behind it', async (_name, header) => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), behindProxy);
  const raw = await openRaw(agent.port);
  raw.socket.setNoDelay(true);
  const first = 'POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 5\r\n\r\nhello';
  for (const byte of Buffer.concat([header, Buffer.from(first)])) {
    await new Promise((resolve) => raw.socket.write(Buffer.of(byte), resolve));
  }
  await raw.until(/"body":"hello"/);
  raw.socket.write(request);
  expect((await raw.closed()).match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
  expect(target.requests.map((one) => one.headers['x-forwarded-for'])).toEqual([client.address, client.address]);
});

test.each(headers)('%s: upgrades, with bytes glued to the handshake', async (_name, header) => {
  const target = await startEchoTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), behindProxy);
  const masked = Buffer.from([0x81, 0x85, 0, 0, 0, 0, ...Buffer.from('hello')]).toString('latin1');
  const raw = await openRaw(agent.port, `${header.toString('latin1')}${handshakeBytes('/')}${masked}`);
  const [, seen = ''] = await raw.until(/(\{.*\}).*hello/s);
  expect(JSON.parse(seen).headers).toMatchObject({ 'x-forwarded-for': client.address });
});

test('100 kB behind the header, in one piece with it', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), behindProxy);
  const body = 'x'.repeat(100_000);
  const post = `POST / HTTP/1.1\r\nHost: g.test\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const raw = await openRaw(agent.port, `${headerV2(client).toString('latin1')}${post}`);
  expect(seenIn(await raw.closed()).body).toBe(body);
});

test.each([
  ['version 1', Buffer.from('PROXY UNKNOWN\r\n')],
  ['version 2', headerV2({ command: 0x20, family: 0, block: Buffer.alloc(0) })],
])('%s without an address leaves that of the proxy', async (_name, header) => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), behindProxy);
  const raw = await openRaw(agent.port, `${header.toString('latin1')}${request}`);
  expect(seenIn(await raw.closed()).headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1' });
});

test('whose X-Forwarded-For is continued goes by the address in the header, not by that of the proxy', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), {
    access: { ...behindProxy.access, trustedProxies: ['127.0.0.0/8', '198.51.100.0/24', '2001:db8::/32'] },
  });
  const claim = request.replace('\r\n\r\n', '\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n');
  const ask = async (address: string): Promise<string | undefined> => {
    const raw = await openRaw(agent.port, `${headerV1(address, 1).toString('latin1')}${claim}`);
    return seenIn(await raw.closed()).headers['x-forwarded-for'];
  };
  expect(await ask('203.0.113.9')).toBe('203.0.113.9');
  expect(await ask('198.51.100.7')).toBe('192.0.2.1, 198.51.100.7');
  expect(await ask('2001:DB8:0:0::7')).toBe('192.0.2.1, 2001:db8::7');
  expect(await ask('::ffff:198.51.100.7')).toBe('192.0.2.1, 198.51.100.7');
});

// Elsewhere there is but one loopback address.
test.skipIf(process.platform !== 'linux')(
  'only peers of the networks send a header; from others it is a bad request',
  async () => {
    const target = await startTarget();
    const { log, next } = createMemoryLog();
    const agent = await startTestAgent(
      hooksTo({ default: target }),
      { access: { proxyProtocol: ['127.0.0.2/32', '::/0'] } },
      log,
    );
    const ask = async (localAddress: string, bytes: string): Promise<string> => {
      const socket = connect({ port: agent.port, host: '127.0.0.1', localAddress });
      onTestFinished(() => void socket.destroy());
      let text = '';
      socket.on('error', () => {}).on('data', (chunk) => (text += chunk));
      socket.write(bytes, 'latin1');
      await once(socket, 'close');
      return text;
    };
    const header = headerV1(client.address, 1).toString('latin1');
    expect(seenIn(await ask('127.0.0.2', header + request)).headers).toMatchObject({
      'x-forwarded-for': client.address,
    });
    expect(await ask('127.0.0.2', request)).toBe('');
    expect(await next(/PROXY protocol/)).toMatchObject({ level: 'debug', fields: { proxy: '127.0.0.2' } });
    expect(seenIn(await ask('127.0.0.1', request)).headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1' });
    expect(await ask('127.0.0.1', header + request)).toMatch(/^HTTP\/1\.1 400 /);
    expect(target.requests).toHaveLength(2);
  },
);

test.each([
  ['malformed', 'PROXY TCP4 nonsense\r\n', /invalid address/],
  ['no header at all', request, /neither/],
  ['a second header', `PROXY UNKNOWN\r\n${headerV1('192.0.2.1', 1)}`, undefined],
  ['late', 'PROXY TCP4 192.0.2.1', /none within 50 ms/],
])('a header that is %s', async (_name, bytes, problem) => {
  const { log, next } = createMemoryLog();
  const target = await startTarget();
  const agent = await startTestAgent(
    hooksTo({ default: target }),
    { ...behindProxy, agent: { headerTimeoutMs: 50 } },
    log,
  );
  const raw = await openRaw(agent.port, bytes);
  const text = await raw.closed();
  if (problem === undefined) expect(text).toMatch(/^HTTP\/1\.1 400 /);
  else {
    expect(text).toBe('');
    expect(await next(/PROXY protocol/)).toMatchObject({ fields: { problem: expect.stringMatching(problem) } });
  }
  expect(target.requests).toHaveLength(0);
});

test('a proxy that leaves before its header is whole is let go', async () => {
  const { log, next } = createMemoryLog();
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), behindProxy, log);
  const ending = await openRaw(agent.port, 'PROXY');
  ending.socket.end();
  await ending.closed();
  expect(await next(/PROXY protocol/)).toMatchObject({ fields: { problem: 'it ended before' } });
  const resetting = await openRaw(agent.port, 'PROXY');
  // By the answer to another one the first bytes are surely read.
  await (await openRaw(agent.port, `PROXY UNKNOWN\r\n${request}`)).closed();
  resetting.socket.resetAndDestroy();
  expect(await next(/PROXY protocol/)).toMatchObject({ fields: { problem: 'it was closed before' } });
});

test('at a stop, connections whose header is awaited are closed at once and requests in flight end', async () => {
  const target = await startTarget(() => {});
  const agent = await startTestAgent(hooksTo({ default: target }), {
    ...behindProxy,
    // So long that a wait for either would outlast the test.
    agent: { drainMs: 600_000, headerTimeoutMs: 600_000 },
  });
  const asked = once(target.server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const busy = await openRaw(agent.port, `${headerV1(client.address, 1).toString('latin1')}${request}`);
  const waiting = await openRaw(agent.port, 'PROXY ');
  const [, answer] = await asked;
  const closing = agent.close();
  expect(await waiting.closed()).toBe('');
  answer.end('done');
  expect(await busy.closed()).toMatch(/done/);
  await closing;
});

test('a late header is late even while bytes of it keep coming', async () => {
  const { log, next } = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo({ default: await startTarget() }),
    { ...behindProxy, agent: { headerTimeoutMs: 50 } },
    log,
  );
  const raw = await openRaw(agent.port, headerV2({ ...client, tlvs: Buffer.alloc(4_000) }).toString('latin1', 0, 16));
  const drip = setInterval(() => raw.socket.write('x'), 5);
  onTestFinished(() => clearInterval(drip));
  await raw.closed();
  expect(await next(/PROXY protocol/)).toMatchObject({ fields: { problem: 'none within 50 ms' } });
});

test('without the setting, connections are taken as Node takes them', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }));
  expect((await send(agent.url)).status).toBe(200);
  const raw = await openRaw(agent.port, `${headerV1(client.address, 1).toString('latin1')}${request}`);
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 400 /);
});

test('a connection whose header is awaited counts, and is cut where there are too many', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), {
    ...behindProxy,
    ...withAdmin,
    limits: { connections: 2 },
  });
  const waiting = [await openRaw(agent.port), await openRaw(agent.port, 'PROXY')];
  await untilMetric(agent, 'connections', 2);
  expect(await (await openRaw(agent.port)).closed()).toBe('');
  await untilMetric(agent, 'connections', 2);
  const [first] = waiting;
  first?.socket.write(`${headerV1(client.address, client.port).toString('latin1')}${request}`, 'latin1');
  expect(await first?.closed()).toMatch(/^HTTP\/1\.1 200 /);
  await untilMetric(agent, 'connections', 1);
  waiting[1]?.socket.destroy();
  await untilMetric(agent, 'connections', 0);
});
