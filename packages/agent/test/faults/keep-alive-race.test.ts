import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, send } from '../support/client.ts';
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
