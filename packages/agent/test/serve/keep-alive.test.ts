import { Agent as HttpAgent, request as openRequest, type RequestOptions } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { hasHaproxy, startHaproxy } from '../support/haproxy.ts';
import { hasNginx, startNginx } from '../support/nginx.ts';
import { startEchoTarget, startTarget } from '../support/target.ts';
import { patiently, startSeeingTarget } from '../support/wire.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('an idle connection of a client outlives the 60 s of load balancers', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }));
  const raw = await openRaw(agent.port, get);
  await raw.until(/\r\nKeep-Alive: timeout=75\r\n/);
});

test('agent.keepAliveMs says how long an idle connection stays open', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), { agent: { keepAliveMs: 200 } });
  const raw = await openRaw(agent.port, get);
  await raw.until(/200 OK/);
  const from = performance.now();
  await raw.closed();
  // With the second of grace that Node gives.
  expect(performance.now() - from).toBeLessThan(5_000);
});

test('after agent.requestsPerConnection requests a connection is closed, and the last response says so', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), {
    agent: { requestsPerConnection: 3 },
  });
  const raw = await openRaw(agent.port, get);
  await raw.until(/200 OK/);
  raw.socket.write(get);
  await raw.until(/(200 OK[\s\S]*){2}/);
  // Sent ahead: what is beyond is not served.
  raw.socket.write(get + get);
  const all = await raw.closed();
  expect(all.match(/200 OK/g)).toHaveLength(3);
  expect(all.match(/Connection: close/gi)).toHaveLength(1);
});

/** Sends POSTs, which are never repeated, and counts those that the target does not answer. */
async function countLost(options: RequestOptions, senders: number, pauses: (round: number) => number, rounds: number) {
  let lost = 0;
  const post = (agent: HttpAgent): Promise<void> =>
    new Promise((resolve) => {
      const request = openRequest({ ...options, method: 'POST', agent }, (answer) => {
        if (answer.statusCode !== 200) lost++;
        answer.resume().once('end', resolve);
      });
      request.once('error', () => {
        lost++;
        resolve();
      });
      request.end('body');
    });
  const work = async (sender: number): Promise<void> => {
    const agent = new HttpAgent({ keepAlive: true });
    for (let round = 0; round < rounds; round++) {
      await post(agent);
      await wait(pauses(round) + sender);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: senders }, (_, sender) => work(sender)));
  return lost;
}

/** Around the time at which the proxy closes its idle connections. */
const aroundOneSecond = (round: number): number => 960 + round * 20;

test.skipIf(!hasNginx || !hasHaproxy)(
  'load balancers that close their idle connections first lose no request',
  async () => {
    const agent = await startTestAgent(hooksTo({ default: await startTarget() }), { agent: { keepAliveMs: 2_000 } });
    const nginx = await startNginx(
      agent.port,
      `upstream gopush { keepalive 64; keepalive_timeout 1s; }
     location / { proxy_pass http://gopush; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_next_upstream off; }`,
    );
    const haproxy = await startHaproxy(agent.port, 'pool-purge-delay 500ms', [
      'mode http',
      'http-reuse always',
      'retries 0',
    ]);
    const lost = await Promise.all([
      countLost({ port: nginx, host: '127.0.0.1', path: '/' }, 40, aroundOneSecond, 3),
      countLost({ port: haproxy, host: '127.0.0.1', path: '/' }, 40, aroundOneSecond, 3),
    ]);
    expect(lost).toEqual([0, 0]);
  },
);

/** Has the process take it for so much later. */
function letPass(ms: number): void {
  const { now } = performance;
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + ms);
  onTestFinished(() => void spy.mockRestore());
}

test('idle connections of an address give way to new ones where there are as many as there may be', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), { limits: { connectionsPerIp: 3 } });
  const idle = [await openRaw(agent.port, get), await openRaw(agent.port, get)];
  for (const raw of idle) await raw.until(/200 OK/);
  const busy = await openRaw(agent.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx');
  const oldest = idle[0]?.closed();
  // Not those that have just been served.
  expect((await send(agent.url)).status).toBe(429);
  letPass(5_100);
  expect((await send(agent.url)).status).toBe(200);
  await oldest;
  expect(idle[1]?.socket.destroyed).toBe(false);
  busy.socket.write('y');
  await busy.until(/200 OK/);
});

test.each([
  ['connectionsPerIp', { connectionsPerIp: 2 }, 429],
  ['connections', { connections: 2 }, 503],
])(
  'connections with requests on them, or before their first one, give way to nobody: limits.%s',
  async (_name, limits, status) => {
    const target = await startTarget((_request, response) => void response.writeHead(200).write('begun'));
    const agent = await startTestAgent(hooksTo({ default: target }), { limits });
    const waiting = await openRaw(agent.port, '');
    const busy = await openRaw(agent.port, get);
    await busy.until(/begun/);
    letPass(5_100);
    expect((await send(agent.url)).status).toBe(status);
    expect([waiting.socket.destroyed, busy.socket.destroyed]).toEqual([false, false]);
  },
);

test('idle connections of a trusted proxy give way to nobody', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), {
    limits: { connections: 1 },
    access: { trustedProxies: ['127.0.0.1/32'] },
  });
  const raw = await openRaw(agent.port, get);
  await raw.until(/200 OK/);
  letPass(5_100);
  expect((await send(agent.url)).status).toBe(503);
  expect(raw.socket.destroyed).toBe(false);
});

test('a connection that was idle and has become a tunnel gives way to nobody', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), {
    limits: { connectionsPerIp: 1 },
  });
  const raw = await openRaw(agent.port, get);
  await raw.until(/200 OK/);
  raw.socket.write(handshakeBytes('/'));
  await raw.until(/101 Switching[\s\S]*"url"/);
  letPass(5_100);
  expect((await send(agent.url)).status).toBe(429);
  expect(raw.socket.destroyed).toBe(false);
});

const ok = (more = ''): string => `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${more}\r\nok`;

test.each([
  ['says nothing', '', true],
  ['keeps it for longer', 'Keep-Alive: timeout=60, max=100\r\n', true],
  ['keeps it for less', 'Keep-Alive: max=5, timeout=2\r\n', true],
  ['keeps it for no more than a request may be on its way', 'Keep-Alive: timeout=1\r\n', false],
  ['does not keep it', 'Keep-Alive: timeout=0\r\n', false],
  ['says what cannot be read', 'Keep-Alive: timeout=soon\r\n', true],
])('a connection to a target that %s is kept, or is not', async (_name, header, isKept) => {
  const target = await startSeeingTarget(({ socket }) => socket.on('data', () => socket.write(ok(header))));
  const agent = await startTestAgent(hooksTo({ default: target }));
  await send(agent.url);
  await send(agent.url);
  expect(target.connections).toHaveLength(isKept ? 1 : 2);
});

test('the agent closes a kept connection before a target does that says when', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.on('data', () => socket.write(ok('Keep-Alive: timeout=2\r\n')));
    socket.once('end', () => socket.end());
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const from = performance.now();
  await send(agent.url);
  await target.connections[0]?.gone;
  expect(performance.now() - from).toBeLessThan(1_900);
});

test('a connection that is kept too long, as the process was busy, is not used', async () => {
  const target = await startSeeingTarget(({ socket }) => socket.on('data', () => socket.write(ok())));
  const agent = await startTestAgent(hooksTo({ default: target }), { agent: { targetKeepAliveMs: 200 } });
  const first = await openRaw(agent.port, get);
  await first.until(/ok$/);
  first.socket.write(get);
  await new Promise((resolve) => setImmediate(resolve));
  const until = performance.now() + 250;
  while (performance.now() < until);
  await first.until(/ok[\s\S]*ok$/);
  expect(target.connections).toHaveLength(2);
});

test('admin listeners keep connections as long as agents do', async () => {
  const agent = await startTestAgent(hooksTo({}), { admin: { agentPort: 0 }, agent: { keepAliveMs: 9_000 } });
  const raw = await openRaw(
    Number(new URL(agent.adminUrl ?? '').port),
    'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n',
  );
  onTestFinished(() => void raw.socket.destroy());
  await raw.until(/\r\nKeep-Alive: timeout=9\r\n/);
  await expect.poll(() => raw.text(), patiently).toMatch(/ok/);
});

test('a stop loses no request of clients that keep their connections, and waits for none of them for long', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), { agent: { drainMs: 10_000 } });
  const open = async () => {
    const raw = await openRaw(agent.port, get);
    await raw.until(/200 OK/);
    return raw;
  };
  const [busy, late, idle] = [await open(), await open(), await open()];
  const from = performance.now();
  const closed = agent.close();
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody';
  for (const raw of [busy, late]) {
    await wait(200);
    raw.socket.write(post);
  }
  for (const raw of [busy, late]) expect(await raw.closed()).toMatch(/200 OK[\s\S]*200 OK[\s\S]*Connection: close/i);
  await idle.closed();
  await closed;
  expect(performance.now() - from).toBeLessThan(5_000);
});

test('a stop without open connections waits for nobody', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), { agent: { drainMs: 10_000 } });
  await send(agent.url);
  const from = performance.now();
  await agent.close();
  expect(performance.now() - from).toBeLessThan(900);
});
