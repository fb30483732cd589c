import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { hasHaproxy, startHaproxy } from '../support/haproxy.ts';
import { startEchoTarget, startRawTarget, startTarget } from '../support/target.ts';

// HAProxy itself comes from 127.0.0.1; the client of these tests from another loopback address, which only Linux has.
const clientAddress = '127.0.0.77';
const access = { proxyProtocol: ['127.0.0.1/32'] };
const can = hasHaproxy && process.platform === 'linux';
if (!can) process.stderr.write('tests with HAProxy are skipped: haproxy is not installed, or this is not Linux\n');

function createConnection(port: number): Socket {
  return connect({ port, host: '127.0.0.1', localAddress: clientAddress });
}

async function ask(port: number, bytes: string): Promise<string> {
  const socket = createConnection(port);
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.write(bytes);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

const request = 'GET / HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n';

test.skipIf(!can).each(['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id'])(
  'HAProxy with %s: HTTP and WebSocket',
  async (send) => {
    const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), { access });
    const port = await startHaproxy(agent.port, send);
    expect(await ask(port, request)).toMatch(new RegExp(`"x-forwarded-for":"${clientAddress}"`));
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { createConnection: () => createConnection(port) });
    const [hello] = await once(socket, 'message');
    expect(JSON.parse(String(hello)).headers).toMatchObject({ 'x-forwarded-for': clientAddress });
    const big = Buffer.alloc(1_000_000, 'x');
    socket.send(big);
    const [echo] = await once(socket, 'message');
    expect(big.equals(echo)).toBe(true);
    socket.close();
    await once(socket, 'close');
  },
);

test.skipIf(!can).each(['send-proxy', 'send-proxy-v2'])('HAProxy with %s passes TLS through', async (send) => {
  const tls = await makeCertificate(await makeFolder(), 'own');
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), { access, agent: { tls } });
  const port = await startHaproxy(agent.port, send);
  const ca = await readFile(tls.certFile);
  const socket = new WebSocket(`wss://localhost:${port}`, { ca, localAddress: clientAddress, family: 4 });
  const [hello] = await once(socket, 'message');
  expect(JSON.parse(String(hello)).headers).toMatchObject({
    'x-forwarded-for': clientAddress,
    'x-forwarded-proto': 'https',
  });
  socket.close();
  await once(socket, 'close');
});

test.skipIf(!can)('HAProxy that announces nobody is cut', async () => {
  const { log, next } = createMemoryLog();
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), { access }, log);
  const port = await startHaproxy(agent.port, '');
  expect(await ask(port, request).catch(() => '')).toBe('');
  await next(/did not begin with a PROXY protocol header/);
  expect(target.requests).toHaveLength(0);
});

test.skipIf(!can)('the health checks of HAProxy pass, and reach nobody', async () => {
  const { log, lines } = createMemoryLog();
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), { access }, log);
  let connections = 0;
  // Between the two, to see the checks.
  const relay = await startRawTarget((socket) => {
    connections++;
    const onward = connect(agent.port, '127.0.0.1').on('error', () => {});
    socket.pipe(onward).pipe(socket);
    socket.once('close', () => onward.destroy());
  });
  const port = await startHaproxy(relay.port, 'send-proxy-v2 check inter 10ms check-send-proxy');
  await expect.poll(() => connections).toBeGreaterThan(3);
  expect(await ask(port, request)).toMatch(/ 200 /);
  expect(target.requests).toHaveLength(1);
  expect(lines.filter(({ message }) => /PROXY/.test(message))).toEqual([]);
});
