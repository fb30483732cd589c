import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { startEchoTarget, startTarget, type TestTarget } from '../support/target.ts';

/** A target that has as many connections as it may have, or says something that looks like it. */
async function startFull(error = 'too_many_connections'): Promise<TestTarget> {
  const refuse: RequestListener = (_request, response) => {
    response.writeHead(503, { 'x-gopush-error': error }).end('full');
  };
  const target = await startTarget(refuse);
  target.server.on('upgrade', (_request, socket) => {
    socket.end(`HTTP/1.1 503 Service Unavailable\r\nx-gopush-error: ${error}\r\ncontent-length: 4\r\n\r\nfull`);
  });
  return target;
}

async function upgrade(url: string): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws'));
  onTestFinished(() => socket.terminate());
  const [first, response] = await Promise.race([once(socket, 'message'), once(socket, 'unexpected-response')]);
  return Buffer.isBuffer(first) ? 101 : response.statusCode;
}

test('requests and upgrades that find a target full go to another one', async () => {
  const [full, free] = [await startFull(), await startEchoTarget()];
  // Nearly all the weight: it is the one that is asked first.
  const targets = [
    { ip: full.ip, port: full.port, weight: 1_000_000 },
    { ip: free.ip, port: free.port },
  ];
  const agent = await startTestAgent(hooksTo({ default: targets }), { routing: { choose: 'random-of-two' } });
  expect((await fetch(agent.url)).status).toBe(200);
  expect(await upgrade(agent.url)).toBe(101);
  expect(full.requests.length).toBe(2);
});

test.each(['too_many_connections', 'draining'])(
  'a target that passes clients on is no failing one: %s',
  async (error) => {
    const [passing, free] = [await startFull(error), await startEchoTarget()];
    const targets = [
      { ip: passing.ip, port: passing.port, weight: 1_000_000 },
      { ip: free.ip, port: free.port },
    ];
    const agent = await startTestAgent(hooksTo({ default: targets }), { routing: { choose: 'random-of-two' } });
    for (let times = 0; times < 10; times++) expect((await fetch(agent.url)).status).toBe(200);
    expect(await upgrade(agent.url)).toBe(101);
    // One that is being drained stays so: it is not asked for each client, which would use up what may be tried again.
    expect(passing.requests.length).toBe(error === 'draining' ? 1 : 11);
  },
);

test('one that was drained is asked again after a moment, and serves if it is another process by then', async () => {
  const passing = await startFull('draining');
  const free = await startEchoTarget();
  const targets = [
    { ip: passing.ip, port: passing.port, weight: 1_000_000 },
    { ip: free.ip, port: free.port },
  ];
  const agent = await startTestAgent(hooksTo({ default: targets }), { routing: { choose: 'random-of-two' } });
  expect((await fetch(agent.url)).status).toBe(200);
  const before = passing.requests.length;
  passing.server.removeAllListeners('request').on('request', (_request, response) => response.end('it is back'));
  await expect.poll(async () => (await fetch(agent.url)).text()).toBe('it is back');
  expect(before).toBe(1);
});

test('where all are being drained the client is told so, as something that may pass', async () => {
  const { ip, port } = await startFull('draining');
  const agent = await startTestAgent(hooksTo({ default: { targets: [{ ip, port }], holdMs: 0 } }));
  const answer = await fetch(agent.url);
  expect([answer.status, answer.headers.get('x-gopush-error')]).toEqual([503, 'target_draining']);
  expect(await upgrade(agent.url)).toBe(503);
});

test('where all are full the client is told so, as something that may pass', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startFull() }));
  const answer = await fetch(agent.url);
  expect([answer.status, answer.headers.get('x-gopush-error')]).toEqual([503, 'target_full']);
  expect(await upgrade(agent.url)).toBe(503);
});

test("any other 503 is the target's own answer, and so is one to a request with a body", async () => {
  const other = await startTestAgent(hooksTo({ default: await startFull('stopping') }));
  expect(await (await fetch(other.url)).text()).toBe('full');
  const agent = await startTestAgent(hooksTo({ default: await startFull() }));
  expect(await (await fetch(agent.url, { method: 'POST', body: 'x' })).text()).toBe('full');
});
