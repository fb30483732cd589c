import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, openRaw, send } from '../support/client.ts';
import { countRequests, startSeeingTarget } from '../support/wire.ts';

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** A target whose connections each serve one request and die of the second, and whose later connections all serve. */
async function startRacingTarget(die: 'end' | 'resetAndDestroy', deaths: number) {
  return startSeeingTarget(({ socket }) => {
    let requests = 0;
    const dies = deaths-- > 0;
    socket.on('data', () => {
      if (dies && ++requests === 2) socket[die]();
      else socket.write(ok);
    });
  });
}

test.each([
  ['GET', 'end'],
  ['GET', 'resetAndDestroy'],
  ['HEAD', 'resetAndDestroy'],
  ['PUT', 'resetAndDestroy'],
  ['DELETE', 'end'],
] as const)(
  'a %s on a kept connection that its target closes by %s is asked once more, on a new one',
  async (method, die) => {
    const target = await startRacingTarget(die, 1);
    const agent = await startTestAgent(hooksTo({ default: target }));
    expect((await send(agent.url)).status).toBe(200);
    expect((await send(agent.url, { method })).status).toBe(200);
    expect(target.connections.map(({ text }) => countRequests(text()))).toEqual([2, 1]);
  },
);

test.each([
  ['POST', 'a body', 'end'],
  ['POST', 'a body', 'resetAndDestroy'],
  ['POST', '', 'resetAndDestroy'],
  ['PUT', 'a body', 'resetAndDestroy'],
  ['PATCH', '', 'end'],
] as const)(
  'a %s with body "%s" on a kept connection that its target closes by %s is never asked twice',
  async (method, body, die) => {
    const target = await startRacingTarget(die, 1);
    const agent = await startTestAgent(hooksTo({ default: target }));
    expect((await send(agent.url)).status).toBe(200);
    const answer = await send(agent.url, { method, body });
    expect([answer.status, codeOf(answer)]).toEqual([502, 'target_reset']);
    expect(target.connections.map(({ text }) => countRequests(text()))).toEqual([2]);
  },
);

test('a GET that meets two deaths is told so instead of being asked for ever', async () => {
  let first = true;
  const target = await startSeeingTarget(({ socket }) => {
    socket.on('data', () => {
      if (first) socket.write(ok);
      else socket.resetAndDestroy();
      first = false;
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  await send(agent.url);
  const answer = await send(agent.url);
  expect([answer.status, codeOf(answer)]).toEqual([502, 'target_reset']);
  expect(target.connections.map(({ text }) => countRequests(text()))).toEqual([2, 1]);
});

test('an answer that nobody asked for is not taken for that of the next request', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(`${ok}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`));
    socket.once('end', () => socket.end());
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  expect((await send(agent.url)).body).toBe('ok');
  expect((await send(agent.url)).body).toBe('ok');
  expect(target.connections).toHaveLength(2);
});

const unread = 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** A target whose first connection serves one request and gives up the next one unread; later ones serve all. */
async function startGivingUp(answer = unread) {
  let first = true;
  return startSeeingTarget(({ socket }) => {
    const isFirst = first;
    first = false;
    let heads = 0;
    socket.on('data', (chunk) => {
      heads += countRequests(chunk.toString('latin1'));
      if (!chunk.toString('latin1').endsWith(end)) return;
      if (isFirst && heads === 2) socket.end(answer);
      else socket.write(ok);
    });
  });
}

/** The end of every request of these tests: of an empty body, or of one. */
const end = '\r\n\r\n';

test.each([
  ['POST', ''],
  ['POST', `a body${end}`],
  ['PATCH', `${'x'.repeat(60_000)}${end}`],
  ['PUT', `a body${end}`],
  ['GET', ''],
] as const)('a %s that its target says it has not read is repeated on a new connection', async (method, body) => {
  const target = await startGivingUp();
  const agent = await startTestAgent(hooksTo({ default: target }));
  expect((await send(agent.url)).status).toBe(200);
  expect((await send(agent.url, { method, body })).status).toBe(200);
  const [, second] = target.connections;
  expect(target.connections).toHaveLength(2);
  expect(second?.text().startsWith(`${method} /`)).toBe(true);
  expect(second?.text().endsWith(end + body)).toBe(true);
});

test('a body that comes in parts, of which some were given to a target that has not read it, arrives whole', async () => {
  let first = true;
  const target = await startSeeingTarget(({ socket }) => {
    const isFirst = first;
    first = false;
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (isFirst && text.includes('one')) socket.end(unread);
      else if (text.startsWith('GET') || text.includes('two')) socket.write(ok);
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  await send(agent.url);
  const raw = await openRaw(agent.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\none');
  await expect.poll(() => target.connections.length).toBe(2);
  raw.socket.write('two');
  await raw.until(/^HTTP\/1\.1 200 /);
  expect(target.connections[1]?.text()).toMatch(/onetwo$/);
});

test.each([
  ['a long one', { body: 'x'.repeat(70_000) + end }],
  ['one of unknown length', { body: `a body${end}`, headers: { 'transfer-encoding': 'chunked' } }],
])('a body that cannot be kept, as %s, takes a new connection', async (_name, options) => {
  const target = await startGivingUp();
  const agent = await startTestAgent(hooksTo({ default: target }));
  await send(agent.url);
  expect((await send(agent.url, { method: 'POST', ...options })).status).toBe(200);
  expect(target.connections.map(({ text }) => countRequests(text()))).toEqual([1, 1]);
});

test.each([
  ['on a new connection', 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n', false],
  ['that keeps the connection', 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n', true],
])('a 408 %s is an answer as any other', async (_name, answer, isKept) => {
  const target = await startGivingUp(answer);
  if (isKept) {
    const agent = await startTestAgent(hooksTo({ default: target }));
    await send(agent.url);
    expect((await send(agent.url, { method: 'POST' })).status).toBe(408);
    return;
  }
  const slow = await startSeeingTarget(({ socket }) => socket.once('data', () => socket.end(answer)));
  const agent = await startTestAgent(hooksTo({ default: slow }));
  expect((await send(agent.url, { method: 'POST' })).status).toBe(408);
  expect(slow.connections).toHaveLength(1);
});

test('a target that says it stops gets no new clients, its kept connections are given up, and clients do not hear of it', async () => {
  const draining = ok.replace('\r\n\r\n', '\r\nx-gopush-draining: 1\r\n\r\n');
  let stops = false;
  const one = await startSeeingTarget(({ socket }) => socket.on('data', () => socket.write(stops ? draining : ok)));
  const other = await startSeeingTarget(({ socket }) => socket.on('data', () => socket.write(ok)));
  const weighed = [
    { ip: one.ip, port: one.port, weight: 1_000_000 },
    { ip: other.ip, port: other.port, weight: 1e-6 },
  ];
  const agent = await startTestAgent(hooksTo({ default: weighed }));
  await Promise.all([send(agent.url), send(agent.url), send(agent.url)]);
  expect(one.connections).toHaveLength(3);
  stops = true;
  expect((await send(agent.url)).headers).not.toHaveProperty('x-gopush-draining');
  await send(agent.url);
  expect(other.connections).toHaveLength(1);
  // The one of that answer was not idle.
  await expect.poll(() => one.connections.filter(({ socket }) => socket.readableEnded).length).toBe(2);
});
