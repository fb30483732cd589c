import { expect, test } from 'vitest';
import { createRetryBudget } from '../../src/route/retry-budget.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, send } from '../support/client.ts';
import { goAway, startTarget } from '../support/target.ts';

test('tries again are ten a second, and a share of all requests', () => {
  let now = 0;
  const budget = createRetryBudget(20, () => now);
  const takeAll = (): number => {
    let taken = 0;
    while (budget.withdraw()) taken++;
    return taken;
  };
  expect(takeAll()).toBe(100);
  now += 1_000;
  expect(takeAll()).toBe(10);
  for (let request = 0; request < 56; request++) budget.deposit();
  expect(takeAll()).toBe(11);
  now += 3_600_000;
  for (let request = 0; request < 10_000; request++) budget.deposit();
  expect(takeAll()).toBe(100);
});

/** Two targets, of which the one that uid `ann` goes to refuses. */
async function startHalf() {
  const targets = await Promise.all([startTarget(), startTarget()]);
  const finder = await startTestAgent(hooksTo({ default: targets }));
  await send(finder.url);
  const dead = targets.find(({ requests }) => requests.length > 0) ?? targets[0];
  const alive = targets.find((one) => one !== dead) ?? targets[1];
  await goAway(dead);
  return { targets, alive };
}

test('a burst to a target that is down moves on no more than the budget', async () => {
  const { targets, alive } = await startHalf();
  const agent = await startTestAgent(hooksTo({ default: targets }), {
    routing: { retryPercent: 0 },
    health: { maxEjectedPercent: 0 },
  });
  const start = performance.now();
  const answers = await Promise.all(Array.from({ length: 400 }, () => send(agent.url)));
  const most = 100 + Math.ceil((performance.now() - start) / 100);
  expect(alive.requests.length).toBeGreaterThanOrEqual(100);
  expect(alive.requests.length).toBeLessThanOrEqual(most);
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused).toHaveLength(400 - alive.requests.length);
  expect(new Set(refused.map(codeOf))).toEqual(new Set(['target_unreachable']));
});

test.each([
  ['with a length', {}],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
])('a POST %s whose first target refuses arrives whole at the next one', async (_name, headers) => {
  const { targets, alive } = await startHalf();
  const agent = await startTestAgent(hooksTo({ default: targets }));
  const body = 'x'.repeat(3_000_000);
  const answer = await send(agent.url, { method: 'POST', body, headers });
  expect(JSON.parse(answer.body)).toMatchObject({ method: 'POST', body });
  expect(alive.requests).toHaveLength(1);
});

test('a request is asked again only where nothing reached the target', async () => {
  const targets = await Promise.all([1, 2].map(() => startTarget((request) => request.socket.resetAndDestroy())));
  const agent = await startTestAgent(hooksTo({ default: targets }));
  expect(codeOf(await send(agent.url, { method: 'POST', body: 'once' }))).toBe('target_reset');
  expect(targets.flatMap(({ requests }) => requests)).toHaveLength(1);
});
