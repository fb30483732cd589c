import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as openRequest, type RequestOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { ConfigInput } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Agent } from '../../src/start/start-agent.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { headerV1, headerV2 } from '../support/proxy-header.ts';
import { startEchoTarget, startRawTarget, startTarget, type TestTarget } from '../support/target.ts';

interface Secure {
  readonly agent: Agent;
  readonly ca: string;
  readonly dir: string;
}

/** An agent that speaks TLS with a certificate of its own. */
async function startSecure(
  target: Pick<TestTarget, 'ip' | 'port'>,
  config: ConfigInput = {},
  logger?: Logger,
): Promise<Secure> {
  const dir = await makeFolder();
  const tls = await makeCertificate(dir, 'first');
  const all = { ...config, agent: { tls, ...config.agent } };
  const agent = await startTestAgent(hooksTo({ default: target }), all, logger);
  return { agent, ca: await readFile(tls.certFile, 'utf8'), dir };
}

function get(url: string, options: RequestOptions): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    openRequest(url, { agent: false, ...options }, async (answer) => {
      let body = '';
      for await (const chunk of answer) body += chunk;
      resolve({ status: answer.statusCode ?? 0, body });
    })
      .on('error', reject)
      .end();
  });
}

/** A bare TLS connection. */
async function openTls(port: number, options: ConnectionOptions, bytes = ''): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ...options });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  socket.write(bytes, 'latin1');
  return socket;
}

async function readUntil(socket: Socket, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString('latin1');
    if (pattern.test(text)) return text;
  }
  throw new Error(`closed before ${pattern}: ${text}`);
}

test.each([[['http/1.0']], [['h2', 'http/1.0']], [['h2', 'http/1.1']], [undefined]])(
  'a client whose handshake offers %j is served',
  async (ALPNProtocols) => {
    const { agent, ca } = await startSecure(await startTarget((_request, response) => response.end('served')));
    const options = { ca, ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }) };
    const socket = await openTls(agent.port, options, 'GET / HTTP/1.0\r\n\r\n');
    expect(await readUntil(socket, /served$/)).toMatch(/^HTTP\/1\.1 200 /);
  },
);

test('HTTPS: the url says so, and targets are told', async () => {
  const { agent, ca } = await startSecure(await startTarget());
  expect(agent.url).toBe(`https://127.0.0.1:${agent.port}`);
  const { status, body } = await get(`${agent.url}/x?y=1`, { ca });
  expect(status).toBe(200);
  expect(JSON.parse(body)).toMatchObject({
    url: '/x?y=1',
    headers: { 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' },
  });
});

test('wss: messages of 1 MB go both ways', async () => {
  const { agent, ca } = await startSecure(await startEchoTarget());
  const socket = new WebSocket(agent.url.replace('https', 'wss'), { ca });
  const [hello] = await once(socket, 'message');
  expect(JSON.parse(String(hello)).headers).toMatchObject({ 'x-forwarded-proto': 'https' });
  for (let fill = 0; fill < 5; fill++) {
    const big = Buffer.alloc(1_000_000, fill);
    socket.send(big);
    const [echo] = await once(socket, 'message');
    expect(big.equals(echo)).toBe(true);
  }
  socket.close(4001);
  expect((await once(socket, 'close'))[0]).toBe(4001);
});

test('a page of http is no page of an agent that speaks TLS, one of https is', async () => {
  const { agent, ca } = await startSecure(await startEchoTarget());
  const open = (scheme: string) =>
    new WebSocket(agent.url.replace('https', 'wss'), { ca, origin: agent.url.replace('https', scheme) });
  const [, answer] = await once(open('http'), 'unexpected-response');
  expect([answer.statusCode, answer.headers['x-gopush-error']]).toEqual([403, 'origin_refused']);
  answer.destroy();
  await once(open('https'), 'message');
});

test('a slow reader slows its target down, and gets every byte', async () => {
  const block = Buffer.alloc(1_000_000, 'x');
  const blocks = 200;
  let sent = 0;
  let stuck: () => void;
  const wasStuck = new Promise<void>((resolve) => {
    stuck = resolve;
  });
  const target = await startRawTarget((socket) => {
    socket.once('data', async () => {
      socket.write(sampleAnswer);
      for (; sent < blocks; sent++) {
        if (socket.write(block)) continue;
        // What is not taken while the event loop goes round a thousand times will not be taken.
        const drained = once(socket, 'drain').then(() => true);
        let turns = 0;
        const resting = (async () => {
          while (turns++ < 1_000) await new Promise((resolve) => setImmediate(resolve));
          return false;
        })();
        if (!(await Promise.race([drained, resting]))) stuck();
        await drained;
      }
      socket.end();
    });
  });
  const { agent, ca } = await startSecure(target);
  const socket = await openTls(agent.port, { ca }, handshakeBytes('/'));
  await wasStuck;
  expect(sent).toBeLessThan(blocks / 2);
  let bytes = 0;
  for await (const chunk of socket) bytes += chunk.length;
  expect(bytes).toBeGreaterThan(blocks * block.length);
  expect(sent).toBe(blocks);
});

test('a stop closes tunnels with 1012', async () => {
  const { agent, ca } = await startSecure(await startEchoTarget());
  const socket = new WebSocket(agent.url.replace('https', 'wss'), { ca });
  await once(socket, 'message');
  const closed = once(socket, 'close');
  await agent.close();
  expect((await closed)[0]).toBe(1012);
});

test('a stop does not wait for those who never end their handshake', async () => {
  const { agent, ca } = await startSecure(await startEchoTarget(), { agent: { headerTimeoutMs: 600_000 } });
  const silent = await openRaw(agent.port);
  // By the answer to another one it is surely accepted.
  await get(agent.url, { ca });
  await agent.close();
  await silent.closed();
});

test('what is still on the way when a client ends its side arrives', async () => {
  const target = await startRawTarget((socket) => {
    socket.once('data', () => socket.write(sampleAnswer));
    socket.once('end', () => socket.end('last words'));
  });
  const { agent, ca } = await startSecure(target);
  const socket = await openTls(agent.port, { ca, allowHalfOpen: true } as ConnectionOptions, handshakeBytes('/'));
  await readUntil(socket, /\r\n\r\n/);
  socket.end();
  expect(await readUntil(socket, /last words$/)).toBe('last words');
});

test('a target that resets its tunnel ends that of the client, and nothing else', async () => {
  const target = await startRawTarget((socket) => {
    socket.once('data', () => socket.write(sampleAnswer));
    socket.on('data', (chunk) => String(chunk) === 'reset me' && socket.resetAndDestroy());
  });
  const { agent, ca } = await startSecure(target);
  const socket = await openTls(agent.port, { ca }, handshakeBytes('/'));
  await readUntil(socket, /\r\n\r\n/);
  const closed = once(socket, 'close');
  socket.write('reset me');
  await closed;
  await readUntil(await openTls(agent.port, { ca }, handshakeBytes('/')), /\r\n\r\n/);
});

test.each([
  ['resets', (plain: Socket) => void plain.resetAndDestroy()],
  ['sends what is no TLS', (plain: Socket) => void plain.write('this is no TLS')],
])('a client that %s in its tunnel resets the target, and nothing else', async (_name, misbehave) => {
  let failure: Promise<unknown> | undefined;
  const target = await startRawTarget((socket) => {
    socket.once('data', () => socket.write(sampleAnswer));
    failure ??= new Promise((resolve) => socket.once('error', resolve));
  });
  const { agent, ca } = await startSecure(target);
  let plain: Socket | undefined;
  // A relay, since a client's own TLS lets nothing else onto its connection.
  const relay = await startRawTarget((socket) => {
    const onward = connect(agent.port, '127.0.0.1').on('error', () => {});
    socket.on('data', (chunk) => onward.write(chunk));
    onward.on('data', (chunk) => socket.write(chunk)).on('close', () => socket.destroy());
    plain = onward;
  });
  const socket = await openTls(relay.port, { ca }, handshakeBytes('/'));
  await readUntil(socket, /\r\n\r\n/);
  misbehave(plain as unknown as Socket);
  expect(await failure).toMatchObject({ code: 'ECONNRESET' });
  await readUntil(await openTls(agent.port, { ca }, handshakeBytes('/')), /\r\n\r\n/);
});

test('only HTTP/1.1 is agreed upon', async () => {
  const { log, next } = createMemoryLog();
  const { agent, ca } = await startSecure(await startTarget(), {}, log);
  const both = await openTls(agent.port, { ca, ALPNProtocols: ['h2', 'http/1.1'] });
  expect(both.alpnProtocol).toBe('http/1.1');
  await expect(openTls(agent.port, { ca, ALPNProtocols: ['h2'] })).rejects.toThrow(/alert no application protocol/);
  await next(/TLS handshake failed/);
});

test('versions of TLS below the least one are refused', async () => {
  const dir = await makeFolder();
  const tls = { ...(await makeCertificate(dir, 'first')), minVersion: 'TLSv1.3' } as const;
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), { agent: { tls } });
  const ca = await readFile(tls.certFile);
  await expect(openTls(agent.port, { ca, maxVersion: 'TLSv1.2' })).rejects.toThrow(/alert protocol version/);
  expect((await openTls(agent.port, { ca })).getProtocol()).toBe('TLSv1.3');
});

test('bytes that are no TLS are cut, not answered', async () => {
  const { log, next } = createMemoryLog();
  const { agent } = await startSecure(await startTarget(), {}, log);
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
  expect(await raw.closed()).not.toMatch(/HTTP/);
  expect(await next(/TLS handshake failed/)).toMatchObject({ level: 'debug' });
});

test('a client that is silent instead of its handshake is cut', async () => {
  const { log, next } = createMemoryLog();
  const { agent } = await startSecure(await startTarget(), { agent: { headerTimeoutMs: 50 } }, log);
  await (await openRaw(agent.port)).closed();
  expect(await next(/TLS handshake failed/)).toMatchObject({ fields: { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' } });
});

test('certificates between ours and the root come from caFile', async () => {
  const dir = await makeFolder();
  const root = await makeCertificate(dir, 'root', { isAuthority: true });
  const middle = await makeCertificate(dir, 'middle', { issuer: root, isAuthority: true });
  const own = await makeCertificate(dir, 'own', { issuer: middle });
  const ca = await readFile(root.certFile);
  const target = await startTarget();
  const without = await startTestAgent(hooksTo({ default: target }), { agent: { tls: own } });
  await expect(get(without.url, { ca })).rejects.toThrow(/unable to verify/);
  const tls = { ...own, caFile: middle.certFile };
  const agent = await startTestAgent(hooksTo({ default: target }), { agent: { tls } });
  expect((await get(agent.url, { ca })).status).toBe(200);
});

test('many connects of all kinds leave nothing behind', { timeout: 60_000 }, async () => {
  const { agent, ca } = await startSecure(await startEchoTarget(), { agent: { headerTimeoutMs: 5_000 } });
  const round = async (kind: number): Promise<void> => {
    if (kind % 4 === 3) {
      const raw = await openRaw(agent.port, 'no TLS');
      raw.socket.end();
      await raw.closed();
      return;
    }
    const socket = connectTls({ port: agent.port, host: '127.0.0.1', ca });
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    if (kind % 4 === 2) socket.destroy();
    else {
      await once(socket, 'secureConnect');
      socket.write(handshakeBytes('/'));
      await once(socket, 'data');
      if (kind % 4 === 0) socket.destroy();
      else socket.end();
    }
    await closed;
  };
  const rounds = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 20)
      await Promise.all(Array.from({ length: 20 }, (_, index) => round(index)));
  };
  const open = (): number => process.getActiveResourcesInfo().filter((one) => /TCP|TLS|Timeout/.test(one)).length;
  await rounds(40);
  await expect.poll(open).toBeLessThan(40);
  const before = open();
  await rounds(600);
  await expect.poll(open, { timeout: 15_000 }).toBeLessThanOrEqual(before + 2);
});

const client = { address: '203.0.113.9', port: 4_711 };
const headers = [
  ['version 1', headerV1(client.address, client.port)],
  ['version 2', headerV2(client)],
] as const;

test.each(headers)('TLS behind the PROXY protocol, %s: HTTP and upgrades', async (_name, header) => {
  const { agent, ca } = await startSecure(await startEchoTarget(), { access: { proxyProtocol: ['127.0.0.0/8'] } });
  const open = async (): Promise<TLSSocket> => {
    const raw = await openRaw(agent.port, header.toString('latin1'));
    raw.socket.removeAllListeners('data');
    return openTls(agent.port, { ca, socket: raw.socket });
  };
  const http = await open();
  http.write('GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
  const forwarded = /"x-forwarded-for":"203\.0\.113\.9","x-forwarded-proto":"https"/;
  await readUntil(http, forwarded);
  const upgrade = await open();
  upgrade.write(handshakeBytes('/'));
  await readUntil(upgrade, forwarded);
});

test.each(headers)('TLS behind the PROXY protocol, %s: header and handshake in one piece', async (_name, header) => {
  const { agent, ca } = await startSecure(await startTarget(), { access: { proxyProtocol: ['127.0.0.0/8'] } });
  // A relay that puts the header before the first bytes of each client.
  const relay = await startRawTarget((socket) => {
    socket.once('data', async (hello) => {
      const raw = await openRaw(agent.port, Buffer.concat([header, hello]).toString('latin1'));
      socket.pipe(raw.socket).pipe(socket);
    });
  });
  const { body } = await get(`https://127.0.0.1:${relay.port}`, { ca });
  expect(JSON.parse(body).headers).toMatchObject({ 'x-forwarded-for': client.address, 'x-forwarded-proto': 'https' });
});
