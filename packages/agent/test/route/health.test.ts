import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readMetrics, readTargets, untilMetric, untilState, withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, openRaw, send } from '../support/client.ts';
import { comeBack, goAway, startEchoTarget, startRawTarget, startTarget } from '../support/target.ts';

const forLong = { failures: 2, ejectMs: 3_600_000, maxEjectMs: 3_600_000 };

/** A uid of each target: hash takes it there. */
async function findUids(ports: readonly number[]): Promise<string[]> {
  const agent = await startTestAgent(
    { agent: ({ query }) => query.as, router: { default: { ip: '127.0.0.1', ports } } },
    { ...withAdmin, agent: { answerTimeoutMs: 100 }, health: { maxEjectedPercent: 0 }, routing: { maxMoves: 0 } },
  );
  const found = new Map<number, string>();
  for (let index = 0; found.size < ports.length; index++) {
    const count = async () => {
      const metrics = await readMetrics(agent);
      return ports.map((port) => metrics.get(`target_picks_total{product="default",target="127.0.0.1:${port}"}`) ?? 0);
    };
    const before = await count();
    await send(`${agent.url}/?as=u${index}`).catch(() => {});
    const after = await count();
    const at = after.findIndex((value, one) => value > (before[one] ?? 0));
    found.set(ports[at] as number, `u${index}`);
  }
  return ports.map((port) => found.get(port) as string);
}

test.each([
  [
    'refuses',
    async () => {
      const target = await startTarget();
      await goAway(target);
      return target;
    },
    'target_unreachable',
  ],
  ['resets', () => startRawTarget((socket) => socket.once('data', () => socket.resetAndDestroy())), 'target_reset'],
  ['is silent', () => startRawTarget(() => {}), 'target_silent'],
  [
    'talks nonsense',
    () => startRawTarget((socket) => socket.once('data', () => socket.write('nonsense\r\n\r\n'))),
    'target_bad_answer',
  ],
])('a target that %s is left out, and its clients go to the others', async (_name, start, code) => {
  const [bad, good] = [await start(), await startTarget()];
  const [uid] = await findUids([bad.port, good.port]);
  const { log, next } = createMemoryLog();
  const agent = await startTestAgent(
    { agent: () => uid, router: { default: [bad, good] } },
    {
      ...withAdmin,
      agent: { answerTimeoutMs: 1_000 },
      health: { ...forLong, checkTimeoutMs: 50 },
      routing: { maxMoves: 0 },
    },
    log,
  );
  // One that takes no connections counts at each try; for the rest the agent asks the target itself after the first.
  const times = code === 'target_unreachable' ? 2 : 1;
  for (let time = 0; time < times; time++) expect(codeOf(await send(agent.url))).toBe(code);
  const target = `127.0.0.1:${bad.port}`;
  expect(await untilState(agent, bad.port, 'ejected')).toMatchObject({
    why: expect.stringMatching(new RegExp(`^${code}; for \\d+ ms more$`)),
    shareOfRing: 0,
  });
  const metrics = await readMetrics(agent);
  expect(metrics.get(`target_ejections_total{target="${target}"}`)).toBe(1);
  expect(metrics.get(`target_up{product="default",target="${target}"}`)).toBe(0);
  expect((await next(/gets no clients for a while/)).fields).toMatchObject({ target, code, forMs: 3_600_000 });
  expect((await send(agent.url)).status).toBe(200);
});

test('a target that was left out comes back', async () => {
  const [target, other] = await Promise.all([startTarget(), startTarget()]);
  const [uid] = await findUids([target.port, other.port]);
  const { log, next } = createMemoryLog();
  const agent = await startTestAgent(
    { agent: () => uid, router: { default: [target, other] } },
    { ...withAdmin, health: { failures: 1, ejectMs: 20 } },
    log,
  );
  await goAway(target);
  await send(agent.url);
  await comeBack(target);
  const before = target.requests.length;
  const ask = async () => {
    await send(agent.url);
    return target.requests.length;
  };
  await expect.poll(ask, { interval: 10 }).toBeGreaterThan(before);
  await next(/a target is back/);
  await untilState(agent, target.port, 'up');
});

test('a single target is never left out', async () => {
  const target = await startTarget();
  await goAway(target);
  const agent = await startTestAgent(hooksTo({ default: target }), {
    ...withAdmin,
    health: { ...forLong, maxEjectedPercent: 100 },
  });
  for (let time = 0; time < 5; time++) expect(codeOf(await send(agent.url))).toBe('target_unreachable');
  await untilState(agent, target.port, 'failing');
  await comeBack(target);
  expect((await send(agent.url)).status).toBe(200);
});

test('clients that give up are no failures of their target', async () => {
  const asked: (() => void)[] = [];
  const silent = await startRawTarget((socket) => socket.once('data', () => asked.shift()?.()));
  const mark = 'GET / HTTP/1.1\r\nHost: a\r\n';
  const upgrade = `${mark}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  const agent = await startTestAgent(hooksTo({ default: silent }), {
    ...withAdmin,
    health: { ...forLong, failures: 1 },
  });
  let gone = 0;
  for (const bytes of [`${mark}\r\n`, upgrade, `${mark}\r\n`, upgrade]) {
    const reached = new Promise<void>((resolve) => asked.push(resolve));
    const raw = await openRaw(agent.port, bytes);
    await reached;
    raw.socket.resetAndDestroy();
    await untilMetric(agent, 'failures_total{code="client_gone"}', ++gone);
  }
  expect((await readTargets(agent)).get(silent.port)?.state).toBe('up');
});

const often = { checkIntervalMs: 10, checkTimeoutMs: 1_000 };

test('a target that a check cannot reach is left out before a client finds out, and comes back by itself', async () => {
  const [target, other] = await Promise.all([startTarget(), startTarget()]);
  const agent = await startTestAgent(hooksTo({ default: [target, other] }), {
    ...withAdmin,
    health: { ...often, check: 'tcp', failures: 2, ejectMs: 50 },
  });
  await send(agent.url);
  await goAway(target);
  await untilState(agent, target.port, 'ejected');
  await comeBack(target);
  await untilState(agent, target.port, 'up');
  expect((await readMetrics(agent)).get('failures_total{code="target_unreachable"}')).toBeUndefined();
});

test('that a target can be connected to does not clear one that keeps silent', async () => {
  let knocks = 0;
  const target = await startRawTarget(() => {
    knocks++;
  });
  const other = await startTarget();
  const [uid] = await findUids([target.port, other.port]);
  const agent = await startTestAgent(
    { agent: () => uid, router: { default: [target, other] } },
    {
      ...withAdmin,
      agent: { answerTimeoutMs: 1_000 },
      health: { ...forLong, ...often, checkTimeoutMs: 100, check: 'tcp', failures: 3 },
    },
  );
  const before = knocks;
  expect(codeOf(await send(agent.url))).toBe('target_silent');
  await untilState(agent, target.port, 'ejected');
  // Checks between the probes.
  expect(knocks).toBeGreaterThan(before + 6);
  expect((await send(agent.url)).status).toBe(200);
});

test.each([
  ['resets', (socket: Socket) => socket.resetAndDestroy(), 'target_reset'],
  ['is silent', () => {}, 'target_silent'],
  ['talks nonsense', (socket: Socket) => socket.write('nonsense\r\n\r\n'), 'target_bad_answer'],
])(
  'a target that %s gets clients again as soon as it responds, however long it is ejected',
  async (_name, fails, code) => {
    let isWell = false;
    const target = await startRawTarget((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        if (isWell) socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nwell');
        else fails(socket);
      });
    });
    const other = await startTarget();
    const [uid] = await findUids([target.port, other.port]);
    const { log, next } = createMemoryLog();
    const agent = await startTestAgent(
      { agent: () => uid, router: { default: [target, other] } },
      { ...withAdmin, agent: { answerTimeoutMs: 1_000 }, health: { ...forLong, checkTimeoutMs: 50 } },
      log,
    );
    expect(codeOf(await send(agent.url))).toBe(code);
    await untilState(agent, target.port, 'ejected');
    isWell = true;
    await next(/a target is back/);
    expect((await send(agent.url)).body).toBe('well');
  },
);

test('a target that says it is not ready gets no new clients and keeps its tunnels, until it is ready again', async () => {
  let ready = true;
  const target = await startEchoTarget();
  target.server.removeAllListeners('request').on('request', (request, response) => {
    response.writeHead(request.url === '/readyz' && !ready ? 503 : 200).end(`${target.port}`);
  });
  const other = await startTarget((_request, response) => response.end('other'));
  const [uid] = await findUids([target.port, other.port]);
  const agent = await startTestAgent(
    { agent: () => uid, router: { default: [target, other] } },
    { ...withAdmin, health: { ...often, check: '/readyz' } },
  );
  expect((await send(agent.url)).body).toBe(`${target.port}`);
  const socket = new WebSocket(agent.url);
  await once(socket, 'message');
  ready = false;
  expect(await untilState(agent, target.port, 'not ready')).toMatchObject({ why: '/readyz responds 503', tunnels: 1 });
  expect((await send(agent.url)).body).toBe('other');
  socket.send('still here');
  expect(String((await once(socket, 'message'))[0])).toBe('still here');
  ready = true;
  await untilState(agent, target.port, 'up');
  expect((await send(agent.url)).body).toBe(`${target.port}`);
});

test('while no target is ready clients wait, and are not asked for again and again', async () => {
  let ready = false;
  let calls = 0;
  const target = await startTarget((request, response) => {
    response.writeHead(request.url === '/readyz' && !ready ? 503 : 200).end();
  });
  const router = {
    default: {
      targets: () => {
        calls++;
        return target;
      },
      check: '/readyz',
      holdMs: 60_000,
    },
  };
  const agent = await startTestAgent(hooksTo(router), { ...withAdmin, health: often });
  await send(agent.url);
  await untilState(agent, target.port, 'not ready');
  const answers = Promise.all(Array.from({ length: 20 }, () => send(agent.url)));
  await untilMetric(agent, 'held', 20);
  // Three looks later: one client each time.
  const before = calls;
  await expect.poll(() => calls, { interval: 10 }).toBeGreaterThanOrEqual(before + 3);
  expect(calls).toBeLessThan(before + 10);
  ready = true;
  expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([200]));
});
