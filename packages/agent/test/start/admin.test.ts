import { once } from 'node:events';
import { hostname } from 'node:os';
import { ListenError } from '@gopush/service';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startAgent } from '../../src/start/start-agent.ts';
import { readMetrics, readState, readTargets, untilHeld, untilMetric, withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { goAway, startEchoTarget, startRawTarget, startTarget } from '../support/target.ts';

const secretive = '/chat?token=hunter2&product=default';

test('an agent is live and ready, and tells its metrics as Prometheus reads them', async () => {
  const target = await startEchoTarget();
  const agent = await startTestAgent({ agent: () => 'very-special-uid', router: { default: target } }, withAdmin);
  await send(`${agent.url}/?room=very-special-room`);
  const socket = new WebSocket(agent.url);
  await once(socket, 'message');
  socket.send('hello');
  await once(socket, 'message');
  expect((await send(`${agent.adminUrl}/livez`)).body).toBe('ok\n');
  expect((await send(`${agent.adminUrl}/readyz?verbose`)).body).toBe('[+] listening ok\nready\n');
  const { body, headers } = await send(`${agent.adminUrl}/metrics`);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const sample =
    /^[a-z_0-9]+(\{[a-z_]+="[^"\\\n]*"(,[a-z_]+="[^"\\\n]*")*\})? (-?\d+(\.\d+)?(e[+-]?\d+)?|[+-]Inf|NaN)$/i;
  const comment = /^# (HELP [a-z_0-9]+ .+|TYPE [a-z_0-9]+ (counter|gauge|histogram|summary))$/;
  const wrong = body
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '' && !sample.test(line) && !comment.test(line));
  expect(wrong).toEqual([]);
  expect(body).not.toMatch(/very-special|uid=|room=/);
  const metrics = await readMetrics(agent);
  const at = `{product="default",target="127.0.0.1:${target.port}"}`;
  expect(Object.fromEntries(metrics)).toMatchObject({
    tunnels: 1,
    tunnels_opened_total: 1,
    'requests_total{product="default",status="200"}': 1,
    'tunnel_messages_total{from="client"}': 1,
    'tunnel_messages_total{from="target"}': 2,
    request_duration_seconds_count: 1,
    handshake_duration_seconds_count: 1,
    [`target_up${at}`]: 1,
    [`target_tunnels${at}`]: 1,
    [`target_picks_total${at}`]: 2,
    held: 0,
  });
});

test('what went through tunnels is the same total when they are closed', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), withAdmin);
  const socket = new WebSocket(agent.url);
  await once(socket, 'message');
  const before = (await readMetrics(agent)).get('tunnel_bytes_total{from="target"}') ?? 0;
  socket.close(4000);
  await untilMetric(agent, 'tunnels_closed_total{cause="target closed"}', 1);
  const metrics = await readMetrics(agent);
  expect(before).toBeGreaterThan(100);
  // The close frame that answers ours.
  expect(metrics.get('tunnel_bytes_total{from="target"}')).toBe(before + 4);
  expect(metrics.get('tunnels')).toBe(0);
});

test('state shows the share of the ring beside the share of the traffic', async () => {
  const [big, small] = await Promise.all([startTarget(), startTarget()]);
  const targets = [
    { ip: big.ip, port: big.port, weight: 3 },
    { ip: small.ip, port: small.port },
  ];
  const agent = await startTestAgent({ agent: ({ query }) => query.as, router: { default: targets } }, withAdmin);
  for (let index = 0; index < 60; index++) await send(`${agent.url}/?as=u${index}`);
  const seen = await readTargets(agent);
  expect([big, small].map(({ port }) => seen.get(port)?.shareOfRing)).toEqual([0.75, 0.25]);
  for (const { port, requests } of [big, small]) {
    expect(seen.get(port)?.shareOfTraffic).toBeCloseTo(requests.length / 60, 2);
  }
  expect(seen.get(big.port)?.shareOfTraffic).toBeGreaterThan(0.5);
  expect(await readState(agent)).toMatchObject({ node: `${hostname()}-agent-0`, tunnels: 0, held: { clients: 0 } });
});

test('a target that the router dropped is shown as long as it is remembered', async () => {
  const [old, fresh] = await Promise.all([startTarget(), startTarget()]);
  let named = old;
  const agent = await startTestAgent(hooksTo({ default: () => named }), withAdmin);
  await send(agent.url);
  named = fresh;
  await send(agent.url);
  const seen = await readTargets(agent);
  expect(seen.get(old.port)).toMatchObject({ state: 'left', shareOfRing: 0, shareOfTraffic: 0.5 });
  expect(seen.get(fresh.port)).toMatchObject({ state: 'up', shareOfRing: 1 });
});

test('nothing of it is on the port of the clients', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), withAdmin);
  for (const path of ['/livez', '/readyz', '/metrics', '/state', '/log-level']) await send(`${agent.url}${path}`);
  expect(target.requests.map(({ url }) => url?.split('?')[0])).toEqual([
    '/livez',
    '/readyz',
    '/metrics',
    '/state',
    '/log-level',
  ]);
  expect((await startTestAgent(hooksTo({ default: target }))).adminUrl).toBeUndefined();
});

test('it closes with the agent, which says until then that it stops', async () => {
  const target = await startTarget();
  await goAway(target);
  const own = { host: '127.0.0.1', notReadyMs: 1_500, drainMs: 50 };
  const config = { ...withAdmin, agentPort: 0, agent: own, limits: { eventLoopDelayMs: 0 } };
  const agent = await startAgent({ config, hooks: hooksTo({ default: target }) });
  const held = send(agent.url);
  await untilHeld(agent, 1);
  const closed = agent.close();
  const answer = await send(`${agent.adminUrl}/readyz`);
  expect([answer.status, answer.body]).toEqual([503, '[-] listening: stopping\nnot ready\n']);
  expect((await held).headers['x-gopush-error']).toBe('stopping');
  await closed;
  await expect(send(`${agent.adminUrl}/livez`)).rejects.toThrow(/ECONNREFUSED/);
});

test('an admin port in use is a clear error, and leaves nothing open', async () => {
  const { port } = await startTarget();
  const start = startAgent({ config: { agentPort: 0, admin: { agentPort: port } } });
  await expect(start).rejects.toThrow(
    new ListenError(`port ${port} of 127.0.0.1 is in use by another program: stop that, or change admin.agentPort`),
  );
});

test('each agent of a machine has the next admin port', async () => {
  const { port } = await startTarget();
  const start = startAgent({ config: { agentPort: 0, admin: { agentPort: port - 2 } }, index: 2 });
  await expect(start).rejects.toThrow(new RegExp(`^port ${port} `));
});

test('there is one line for each request, with all that is known and no query', async () => {
  const target = await startTarget();
  const { log, lines, next } = createMemoryLog();
  const agent = await startTestAgent(hooksTo({ default: target }), {}, log);
  await send(`${agent.url}${secretive}`, { headers: { cookie: 'a=hunter2', authorization: 'Bearer hunter2' } });
  const line = await next(/^request$/);
  expect(line).toEqual({
    level: 'info',
    message: 'request',
    fields: {
      id: target.requests[0]?.headers['x-request-id'],
      method: 'GET',
      path: '/chat',
      status: 200,
      ms: expect.any(Number),
      from: '127.0.0.1',
      uid: 'ann',
      product: 'default',
      target: `127.0.0.1:${target.port}`,
      code: undefined,
    },
  });
  expect(lines.filter(({ message }) => message === 'request')).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toMatch(/hunter2/);
});

test("there is one line for each tunnel's life, with all that is known and no query", async () => {
  const target = await startEchoTarget();
  const { log, lines, next } = createMemoryLog();
  const agent = await startTestAgent(hooksTo({ default: target }), {}, log);
  const socket = new WebSocket(`${agent.url}${secretive}`, { headers: { cookie: 'a=hunter2' } });
  await once(socket, 'message');
  socket.send('hello');
  await once(socket, 'message');
  socket.close(4001);
  const line = await next(/^tunnel$/);
  expect(line.fields).toEqual({
    id: target.requests[0]?.headers['x-request-id'],
    from: '127.0.0.1',
    uid: 'ann',
    product: 'default',
    target: `127.0.0.1:${target.port}`,
    handedOff: false,
    seconds: expect.any(Number),
    bytesIn: 6 + 5 + 6 + 2,
    bytesOut: expect.any(Number),
    messagesIn: 1,
    messagesOut: 2,
    moves: 0,
    // Of a WebSocket the server ends the connection, after the close frames (RFC 6455 section 7.1.1).
    cause: 'target closed',
    closeCode: 4001,
  });
  expect(lines.filter(({ message }) => /tunnel|upgrade|request/.test(message))).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toMatch(/hunter2/);
});

test('an upgrade that its target answers without upgrading has a line as well', async () => {
  const target = await startRawTarget((socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n')),
  );
  const { log, next, lines } = createMemoryLog();
  const agent = await startTestAgent(hooksTo({ default: target }), {}, log);
  await (await openRaw(agent.port, handshakeBytes(secretive))).closed();
  expect((await next(/^upgrade answered$/)).fields).toMatchObject({
    path: '/chat',
    status: 400,
    uid: 'ann',
    target: `127.0.0.1:${target.port}`,
  });
  expect(JSON.stringify(lines)).not.toMatch(/hunter2/);
});

test('a refusal has its code in the line, and no query either', async () => {
  const { log, lines, next } = createMemoryLog();
  const agent = await startTestAgent({ agent: () => undefined }, {}, log);
  await send(`${agent.url}${secretive}`);
  expect((await next(/^request$/)).fields).toMatchObject({ path: '/chat', status: 430, code: 'uid_missing' });
  await (await openRaw(agent.port, handshakeBytes(secretive))).closed();
  expect((await next(/^upgrade refused$/)).fields).toMatchObject({ path: '/chat', code: 'uid_missing' });
  expect(JSON.stringify(lines)).not.toMatch(/hunter2/);
});

test('without lines for requests there are none, and failures are still told', async () => {
  const target = await startTarget();
  const { log, lines, next } = createMemoryLog();
  const agent = await startTestAgent(hooksTo({ default: target }), { log: { requests: false } }, log);
  await send(agent.url);
  await goAway(target);
  await send(agent.url);
  await next(/could not be reached/);
  expect(lines.map(({ message }) => message)).toEqual([
    'agent listening',
    expect.stringMatching(/could not be reached/),
  ]);
});
