import { once } from 'node:events';
import { request as openRequest } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { readState, untilHeld, untilMetric, untilState, withAdmin } from '../support/admin.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { comeBack, goAway, startEchoTarget, startRawTarget, startTarget } from '../support/target.ts';

const waiting = { ...withAdmin, hold: { timeoutMs: 60_000 } };

/** A target that is not up yet. */
async function startAbsent() {
  const target = await startEchoTarget();
  await goAway(target);
  return target;
}

test('while no target is up requests and upgrades wait, and go through when it starts', async () => {
  const target = await startAbsent();
  const agent = await startTestAgent(hooksTo({ default: target }), waiting);
  const body = 'x'.repeat(1_000_000);
  const get = send(`${agent.url}/got`);
  const post = send(`${agent.url}/posted`, { method: 'POST', body });
  const chunked = send(agent.url, { method: 'PUT', headers: { 'transfer-encoding': 'chunked' }, body });
  const socket = new WebSocket(`${agent.url}/chat`);
  const hello = once(socket, 'message');
  await untilHeld(agent, 4);
  expect((await readState(agent)).held.bytes).toBeGreaterThan(200);
  await comeBack(target);
  expect(JSON.parse((await get).body)).toMatchObject({ url: '/got' });
  expect(JSON.parse((await post).body)).toMatchObject({ method: 'POST', url: '/posted', body });
  expect(JSON.parse((await chunked).body)).toMatchObject({ method: 'PUT', body });
  expect(JSON.parse(String((await hello)[0]))).toMatchObject({ url: '/chat' });
  expect((await readState(agent)).held).toEqual({ clients: 0, bytes: 0 });
});

test('many that wait all go through', async () => {
  const target = await startAbsent();
  const agent = await startTestAgent(hooksTo({ default: target }), waiting);
  const answers = Promise.all(Array.from({ length: 200 }, () => send(agent.url)));
  await untilHeld(agent, 200);
  await comeBack(target);
  expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([200]));
});

test('whoever waits is not led to a target that is silent, though it accepts connections, but waits for one that starts', async () => {
  let accepted = 0;
  const silent = await startRawTarget(() => {
    accepted++;
  });
  const other = await startTarget();
  const agent = await startTestAgent(
    { agent: ({ query }) => query.as, router: { default: [silent, other] } },
    {
      ...waiting,
      agent: { answerTimeoutMs: 2_000 },
      health: { failures: 1, ejectMs: 600_000, maxEjectMs: 600_000, checkTimeoutMs: 50 },
    },
  );
  const askAll = () => Promise.all(Array.from({ length: 16 }, (_, index) => send(`${agent.url}/?as=u${index}`)));
  await askAll();
  await untilState(agent, silent.port, 'ejected');
  await goAway(other);
  const answers = askAll();
  await untilHeld(agent, 16);
  // It is probed meanwhile.
  const before = accepted;
  await expect.poll(() => accepted).toBeGreaterThan(before + 1);
  await comeBack(other);
  expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([200]));
});

test('whoever waited in vain is told so, and when to try again', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startAbsent() }), {
    ...withAdmin,
    hold: { timeoutMs: 1 },
  });
  const answer = await send(agent.url, { headers: { accept: 'application/json' } });
  expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([503, 'target_none', '1']);
  const text = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
  expect(text).toMatch(/^HTTP\/1\.1 503 [\s\S]*x-gopush-error: target_none\r\n[\s\S]*retry-after: 1\r\n/);
  expect((await readState(agent)).held).toEqual({ clients: 0, bytes: 0 });
});

test('a person gets a page that tries again, a form that was posted does not', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startAbsent() }), { hold: { timeoutMs: 1 } });
  const accept = 'text/html,application/xhtml+xml,*/*;q=0.8';
  const page = await send(agent.url, { headers: { accept } });
  expect([page.status, page.headers['content-type']]).toEqual([503, 'text/html; charset=utf-8']);
  expect(page.headers).toMatchObject({
    'retry-after': '1',
    'x-gopush-error': 'target_none',
    'cache-control': 'no-store',
  });
  expect(page.body).toMatch(/http-equiv="refresh"/);
  const posted = await send(agent.url, { method: 'POST', body: 'a=1', headers: { accept } });
  expect(codeOf(posted)).toBe('target_none');
});

test('no more wait than may, and the others are told at once', async () => {
  const target = await startAbsent();
  const agent = await startTestAgent(hooksTo({ default: target }), {
    ...withAdmin,
    hold: { timeoutMs: 60_000, maxWaiting: 1 },
  });
  const first = send(agent.url);
  await untilHeld(agent, 1);
  expect(codeOf(await send(agent.url))).toBe('target_none');
  expect(await (await openRaw(agent.port, handshakeBytes('/'))).closed()).toMatch(/target_none/);
  await comeBack(target);
  expect((await first).status).toBe(200);
});

test('whoever waits longest keeps its place while the router is asked again, though others come and the queue is full', async () => {
  const target = await startAbsent();
  let asked = 0;
  let answer = (): void => {};
  const router = async ({ url }: { readonly url?: string | undefined }) => {
    // The first time is before it waits.
    if (url === '/first' && ++asked === 2) await new Promise<void>((resolve) => (answer = resolve));
    return target;
  };
  const agent = await startTestAgent(
    { ...hooksTo({}), router: { default: router } },
    { ...withAdmin, hold: { timeoutMs: 60_000, maxWaiting: 1 } },
  );
  const first = send(`${agent.url}/first`);
  await expect.poll(() => asked).toBe(2);
  expect(codeOf(await send(agent.url))).toBe('target_none');
  answer();
  await untilHeld(agent, 1);
  await comeBack(target);
  expect((await first).status).toBe(200);
  expect((await readState(agent)).held).toEqual({ clients: 0, bytes: 0 });
});

test('no more bytes wait than may', async () => {
  const target = await startAbsent();
  const agent = await startTestAgent(hooksTo({ default: target }), {
    ...withAdmin,
    hold: { timeoutMs: 60_000, maxBytes: 1_024 },
  });
  const first = send(agent.url);
  await untilHeld(agent, 1);
  expect(codeOf(await send(agent.url, { headers: { 'x-long': 'x'.repeat(1_000) } }))).toBe('target_none');
  await comeBack(target);
  expect((await first).status).toBe(200);
});

test.each([
  ['a request that is reset', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'resetAndDestroy'],
  ['a request that ends', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'end'],
  ['an upgrade that is reset', handshakeBytes('/'), 'resetAndDestroy'],
  ['an upgrade that ends', handshakeBytes('/'), 'end'],
] as const)('%s while it waits leaves nothing', async (_name, bytes, leave) => {
  const target = await startAbsent();
  const agent = await startTestAgent(hooksTo({ default: target }), waiting);
  const raw = await openRaw(agent.port, bytes);
  await untilHeld(agent, 1);
  raw.socket[leave]();
  await untilHeld(agent, 0);
  await untilMetric(agent, 'connections', 0);
  await comeBack(target);
  expect(await readState(agent)).toMatchObject({ tunnels: 0, held: { clients: 0, bytes: 0 } });
  expect(target.requests).toEqual([]);
});

test('a client that goes away while the router is asked again is not taken to its target', async () => {
  const target = await startEchoTarget();
  let leave = (): void => {};
  const asked = new Promise<void>((resolve) => {
    leave = resolve;
  });
  let calls = 0;
  const router = {
    default: async (request: unknown) => {
      if (++calls === 1) return null;
      const { socket } = request as { socket: NodeJS.EventEmitter };
      leave();
      await new Promise((resolve) => socket.once('close', resolve));
      return target;
    },
  };
  const agent = await startTestAgent(hooksTo(router), waiting);
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await asked;
  raw.socket.resetAndDestroy();
  await untilMetric(agent, 'failures_total{code="client_gone"}', 1);
  expect(target.requests).toEqual([]);
  expect(await readState(agent)).toMatchObject({ tunnels: 0, held: { clients: 0 } });
});

test('a router function that names nothing at first, and a target later', async () => {
  const target = await startTarget();
  let isThere = false;
  const agent = await startTestAgent(hooksTo({ default: () => (isThere ? target : null) }), waiting);
  const answers = [send(agent.url), send(agent.url), send(agent.url)];
  await untilHeld(agent, 3);
  isThere = true;
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('a router function that names another target instead of the one that is down: nobody else needs to come', async () => {
  const [absent, target] = await Promise.all([startAbsent(), startTarget()]);
  let named = absent;
  const agent = await startTestAgent(hooksTo({ default: () => named }), waiting);
  const answers = [send(agent.url), send(agent.url), send(agent.url)];
  await untilHeld(agent, 3);
  named = target;
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('an agent that stops tells those who wait, and ends', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startAbsent() }), waiting);
  const answer = send(agent.url);
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await untilHeld(agent, 2);
  const closed = agent.close();
  expect(codeOf(await answer)).toBe('stopping');
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 503 [\s\S]*stopping/);
  await closed;
});

test('what is signed for a target is signed when the client goes there, not when it began to wait', async () => {
  const target = await startAbsent();
  const agent = await startTestAgent(hooksTo({ default: target }), {
    ...waiting,
    access: { secrets: ['a secret of the tests'], identityTtlMs: 1 },
  });
  const answer = send(agent.url);
  await untilHeld(agent, 1);
  const later = Date.now() + 30_000;
  vi.useFakeTimers({ now: later, toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  await comeBack(target);
  const signature = JSON.parse((await answer).body).headers['x-gopush-signature'];
  expect(Number(signature.split('.')[1])).toBeGreaterThanOrEqual(later / 1_000);
});

test('a request whose body is still coming while it waits arrives whole', async () => {
  const target = await startAbsent();
  const agent = await startTestAgent(hooksTo({ default: target }), waiting);
  const request = openRequest(agent.url, { method: 'POST', agent: false });
  request.write('one ');
  await untilHeld(agent, 1);
  request.write('two ');
  await comeBack(target);
  await once(target.server, 'request');
  request.end('three');
  const [answer] = await once(request, 'response');
  let text = '';
  for await (const chunk of answer) text += chunk;
  expect(JSON.parse(text).body).toBe('one two three');
});
