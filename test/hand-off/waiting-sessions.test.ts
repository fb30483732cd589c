import type { Socket } from 'node:net';
import type { Socket as Client } from 'socket.io-client';
import { expect, test } from 'vitest';
import {
  expectUnnoticed,
  hooksTo,
  joinAll,
  makeConfig,
  patiently,
  publish,
  startHandingAgent,
  startProcess,
  startServer,
  stateOf,
} from './support/deployment.ts';

const count = 20;

/** Clients of which those whose push-server was killed wait for the other one, which is suspended. A third one publishes to them. */
async function startWaiting() {
  const config = await makeConfig();
  const publisher = await startServer(config, 'publisher');
  const [first, next] = [await startProcess(config), await startProcess(config)];
  const { agent, moves } = await startHandingAgent(config, hooksTo(first, next), 2);
  const clients = await joinAll(agent, count);
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  const numbers = publish(publisher);
  await expect.poll(() => clients.every((one) => one.numbers.length > 5), patiently).toBe(true);
  next.child.kill('SIGSTOP');
  first.child.kill('SIGKILL');
  await expect.poll(() => agent.waiting, patiently).toBeGreaterThan(0);
  const waiting = agent.waiting;
  return { agent, moves, clients, numbers, waiting, goOn: () => next.child.kill('SIGCONT') };
}

test('sessions whose next push-server does not respond yet wait without tunnels, and go on', async () => {
  const { agent, moves, clients, numbers, waiting, goOn } = await startWaiting();
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  goOn();
  await expect.poll(() => moves.length, patiently).toBe(waiting);
  await expectUnnoticed(clients, numbers.stop());
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
});

test('sessions whose only push-server was killed wait without tunnels until it is back, and go on', async () => {
  const config = await makeConfig();
  const publisher = await startServer(config, 'publisher');
  const { child, port } = await startProcess(config);
  const { agent, moves } = await startHandingAgent(config, hooksTo({ port }), 1);
  const clients = await joinAll(agent, count);
  const numbers = publish(publisher);
  child.kill('SIGKILL');
  await expect.poll(() => agent.waiting, patiently).toBe(count);
  // Each of them has been offered nothing by then, and has looked whether it is back.
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  await startProcess({ ...config, serverPortStart: port });
  await expect.poll(() => moves.length, patiently).toBe(count);
  await expectUnnoticed(clients, numbers.stop());
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
});

test('an agent that retires while sessions wait goes on with them in tunnels', async () => {
  const { agent, moves, clients, numbers, waiting, goOn } = await startWaiting();
  const retired = agent.retire();
  goOn();
  await expect.poll(() => moves.length, patiently).toBe(waiting);
  await expectUnnoticed(clients, numbers.stop());
  for (const { client } of clients) client.disconnect();
  await retired;
});

test.each([
  ['ends', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
])('a client that %s its connection while its session waits is not waited for', async (_, end) => {
  const config = await makeConfig();
  const { child, port } = await startProcess(config);
  const { agent } = await startHandingAgent(config, hooksTo({ port }), 1);
  const { client } = (await joinAll(agent, 2))[0] as { readonly client: Client };
  child.kill('SIGKILL');
  await expect.poll(() => agent.waiting, patiently).toBe(2);
  client.io.reconnection(false);
  end((client.io.engine.transport as unknown as { readonly ws: { readonly _socket: Socket } }).ws._socket);
  await expect.poll(() => stateOf(agent), { timeout: 3_000 }).toEqual({ tunnels: 0, handedOff: 1 });
  expect(agent.waiting).toBe(1);
});
