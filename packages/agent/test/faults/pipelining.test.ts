import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { openRaw, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';

const get = (path: string) => `GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** A target that answers when it is told to. */
async function startWaiting() {
  const open: [path: string, response: ServerResponse][] = [];
  let most = 0;
  const target = await startTarget((request, response) => {
    open.push([request.url?.split('?')[0] ?? '', response]);
    most = Math.max(most, open.length);
    if (request.url?.startsWith('/wait')) return;
    open.pop();
    response.end(request.url?.split('?')[0]);
  });
  return { target, open, most: () => most };
}

test('requests that a client sends ahead are asked one after another, and answered in their order', async () => {
  const { target, open, most } = await startWaiting();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const paths = Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? `wait${index}` : `${index}`));
  const raw = await openRaw(agent.port, paths.map(get).join(''));
  for (const path of paths) {
    if (!path.startsWith('wait')) continue;
    await expect.poll(() => open.length, { interval: 1 }).toBe(1);
    const [asked, response] = open.pop() as [string, ServerResponse];
    expect(asked).toBe(`/${path}`);
    response.end(asked);
  }
  await raw.until(/\/299$/);
  expect([...raw.text().matchAll(/\r\n\r\n\/(\w+?)(?=HTTP|$)/g)].map(([, path]) => path)).toEqual(paths);
  expect(most()).toBe(1);
});

test('a client that sends thousands of requests ahead ends its own connection', async () => {
  const { target, open } = await startWaiting();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, get('wait').repeat(3_000));
  await raw.closed();
  expect(open.length).toBeLessThanOrEqual(1);
  expect((await send(`${agent.url}/well`)).status).toBe(200);
});
