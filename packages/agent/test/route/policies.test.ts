import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readTargets, withAdmin } from '../support/admin.ts';
import { startTestAgent } from '../support/agent.ts';
import { send } from '../support/client.ts';
import { goAway, startEchoTarget, startTarget } from '../support/target.ts';

async function startTargets() {
  return Promise.all([startEchoTarget(), startEchoTarget(), startEchoTarget()]);
}

/** Opens tunnels one after the other, so that each is counted when the next one comes. */
async function openTunnels(url: string, uids: readonly string[], query = ''): Promise<void> {
  for (const uid of uids) await once(new WebSocket(`${url}/?as=${uid}${query}`), 'message');
}

async function countTunnels(agent: Awaited<ReturnType<typeof startTestAgent>>, product = 'default'): Promise<number[]> {
  const targets = await readTargets(agent, product);
  return [...targets.values()].map(({ tunnels }) => tunnels).sort((one, other) => other - one);
}

const asked = (request: { query: Readonly<Record<string, string | undefined>> }) => request.query.as;
const nine = Array.from({ length: 9 }, () => 'ann');

test('hash takes requests and tunnels of a uid to the same target', async () => {
  const targets = await startTargets();
  const agent = await startTestAgent({ agent: asked, router: { default: targets } }, withAdmin);
  const { body } = await send(`${agent.url}/?as=ann`);
  expect(JSON.parse(body).headers['x-gopush-uid']).toBe('ann');
  await openTunnels(agent.url, nine);
  expect(await countTunnels(agent)).toEqual([9, 0, 0]);
  expect(targets.map(({ requests }) => requests.length).sort()).toEqual([0, 0, 10]);
});

test('least-connections spreads the tunnels of one uid evenly', async () => {
  const router = { default: { targets: await startTargets(), choose: 'least-connections' } } as const;
  const agent = await startTestAgent({ agent: asked, router }, withAdmin);
  await openTunnels(agent.url, nine);
  expect(await countTunnels(agent)).toEqual([3, 3, 3]);
});

test('least-connections gives a target of twice the weight twice as much', async () => {
  const [one, other] = await startTargets();
  const targets = [{ ...one, weight: 2 }, other].map(({ ip, port, ...rest }) => ({ ip, port, ...rest }));
  const agent = await startTestAgent(
    { agent: asked, router: { default: { targets, choose: 'least-connections' } } },
    withAdmin,
  );
  await openTunnels(agent.url, nine);
  expect(await countTunnels(agent)).toEqual([6, 3]);
});

test('random-of-two never lets one target have more than the next one and the one that comes', async () => {
  const router = { default: { targets: await startTargets(), choose: 'random-of-two' } } as const;
  const agent = await startTestAgent({ agent: asked, router }, withAdmin);
  await openTunnels(agent.url, [...nine, ...nine]);
  const [most = 0, next = 0] = await countTunnels(agent);
  expect(most - next).toBeLessThanOrEqual(1);
});

test('bounded-hash moves a uid on only when its target has its bound', async () => {
  const router = { default: { targets: await startTargets(), choose: 'bounded-hash', boundedLoad: 2 } } as const;
  const agent = await startTestAgent({ agent: asked, router }, withAdmin);
  await openTunnels(agent.url, nine);
  // Twice a third of nine.
  expect(await countTunnels(agent)).toEqual([6, 3, 0]);
});

test('each product has its own settings, and those of the config for the rest', async () => {
  const targets = await startTargets();
  const router = {
    spread: { targets, choose: 'least-connections' },
    kept: { targets },
    own: { targets: () => targets, choose: 'hash' },
  } as const;
  const agent = await startTestAgent(
    { agent: asked, router },
    { ...withAdmin, routing: { choose: 'bounded-hash', boundedLoad: 3 } },
  );
  for (const product of ['spread', 'kept', 'own']) await openTunnels(agent.url, nine, `&product=${product}`);
  expect(await countTunnels(agent, 'spread')).toEqual([3, 3, 3]);
  expect(await countTunnels(agent, 'kept')).toEqual([9, 0, 0]);
  expect(await countTunnels(agent, 'own')).toEqual([9, 0, 0]);
});

test('a function that names targets for each client never sends one to the target of another, nor when the first refuses', async () => {
  const [ann, bob, dead] = await Promise.all([startTarget(), startTarget(), startTarget()]);
  await goAway(dead);
  // Nearly all go to the one that refuses first, and are moved on while others come.
  const first = { ip: dead.ip, port: dead.port, weight: 1_000_000 };
  const router = { default: (_request: unknown, uid: string) => [first, uid === 'ann' ? ann : bob] };
  const agent = await startTestAgent({ agent: asked, router }, { health: { maxEjectedPercent: 0 } });
  const uids = Array.from({ length: 80 }, (_, index) => (index % 2 === 0 ? 'ann' : 'bob'));
  const answers = await Promise.all(uids.map((uid) => send(`${agent.url}/?as=${uid}`)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const uidsAt = ({ requests }: typeof ann) => new Set(requests.map(({ headers }) => headers['x-gopush-uid']));
  expect([uidsAt(ann), uidsAt(bob)]).toEqual([new Set(['ann']), new Set(['bob'])]);
});
