import { expect, test } from 'vitest';
import { believing } from '../support/gateway.ts';
import {
  expectUnnoticed,
  joinAll,
  makeConfig,
  patiently,
  publish,
  routerTo,
  startHandingAgent,
  startProcess,
  startServer,
  stateOf,
} from './support/handed-sessions.ts';

const count = 20;

const hooksTo = (...servers: readonly { readonly port: number }[]) => ({
  agent: believing,
  router: routerTo(servers.map(({ port }) => port)),
});

test('a push-server stops: its sessions are handed to the next one, and no client notices', async () => {
  const config = await makeConfig();
  const [first, next] = [await startServer(config, 'first'), await startServer(config, 'next')];
  const { agent, moves } = await startHandingAgent(config, hooksTo(first, next), 2);
  const clients = await joinAll(agent, count);
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  const numbers = publish(next);
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(20);
  await first.close();
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(60);
  await expectUnnoticed(clients, numbers.stop());
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  expect(moves.length).toBeGreaterThan(0);
  expect(new Set(moves)).toEqual(new Set(['session migrated']));
});

test('a push-server is killed: its sessions fail over to the next one, and no client notices', async () => {
  const config = await makeConfig();
  const [first, next] = [await startProcess(config), await startServer(config, 'next')];
  const { agent, moves } = await startHandingAgent(config, hooksTo(first, next), 2);
  const clients = await joinAll(agent, count);
  const numbers = publish(next);
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(20);
  first.child.kill('SIGKILL');
  await expect.poll(() => moves.length, patiently).toBeGreaterThan(0);
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(60);
  await expectUnnoticed(clients, numbers.stop());
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  expect(new Set(moves)).toEqual(new Set(['session failed over']));
});

test.each(['stops', 'is killed'])(
  'a push-server %s, and the next one takes no hand-offs: the sessions go on as tunnels',
  async (how) => {
    const config = await makeConfig();
    const next = await startServer({ ...config, handOff: { enabled: false } }, 'next');
    const server = how === 'stops' ? await startServer(config, 'first') : undefined;
    const child = how === 'stops' ? undefined : await startProcess(config);
    const port = server?.port ?? child?.port ?? 0;
    const { agent } = await startHandingAgent(config, hooksTo({ port }, next), 1);
    const clients = await joinAll(agent, count);
    const { tunnels, handedOff } = await stateOf(agent);
    expect(handedOff).toBeGreaterThan(0);
    expect(handedOff + tunnels).toBe(count);
    const numbers = publish(next);
    await expect.poll(() => clients.every((one) => one.numbers.length > 20), patiently).toBe(true);
    child?.child.kill('SIGKILL');
    await server?.close();
    await expect.poll(() => stateOf(agent), patiently).toEqual({ tunnels: count, handedOff: 0 });
    await expectUnnoticed(clients, numbers.stop());
  },
);

test('sessions whose agent has been replaced fail over as well', async () => {
  const config = await makeConfig();
  const [first, next] = [await startProcess(config), await startServer(config, 'next')];
  const hooks = hooksTo(first, next);
  const old = await startHandingAgent(config, hooks, 2);
  const clients = await joinAll(old.agent, count);
  await old.agent.close();
  const young = await startHandingAgent(config, hooks, 2);
  await expect.poll(() => stateOf(young.agent), patiently).toEqual({ tunnels: 0, handedOff: count });
  const numbers = publish(next);
  await expect.poll(() => clients.every((one) => one.numbers.length > 20), patiently).toBe(true);
  first.child.kill('SIGKILL');
  await expect.poll(() => young.moves.length, patiently).toBeGreaterThan(0);
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(80);
  await expectUnnoticed(clients, numbers.stop());
  expect(new Set(young.moves)).toEqual(new Set(['session failed over']));
});
