import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { PushServer } from '@gopush/push-server';
import { acceptHandOffs } from 'gopush';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { listen } from '../matrix/targets.ts';
import {
  expectUnnoticed,
  joinAll,
  makeConfig,
  patiently,
  publish,
  routerTo,
  startHandingAgent,
  startServer,
  stateOf,
} from './support/deployment.ts';

const count = 20;

const clientsOf = ({ io }: PushServer): number => io.of('/').sockets.size;

/** A folder of hooks whose router names these ports, and may name others later. */
async function makeHooks(dir: string, ports: readonly number[]) {
  const hooks = join(dir, 'hooks');
  const router = (named: readonly number[]): string => `module.exports = ${JSON.stringify(routerTo(named))};`;
  await mkdir(hooks);
  await writeFile(join(hooks, 'agent.js'), 'module.exports = (request) => request.query.user;');
  await writeFile(join(hooks, 'router.js'), router(ports));
  return {
    hooks: { dir, environment: 'local' },
    /** At once, so that the reload never comes upon half of it. */
    async name(named: readonly number[]) {
      await writeFile(join(hooks, 'next'), router(named));
      await rename(join(hooks, 'next'), join(hooks, 'router.js'));
    },
  };
}

test('sessions that were handed to a target which the router no longer names go on at another one, unnoticed', async () => {
  const config = await makeConfig();
  const [one, two] = [await startServer(config, 'one'), await startServer(config, 'two')];
  const { hooks, name } = await makeHooks(join(config.handOff.dir, '..'), [one.port, two.port]);
  const { agent, moves } = await startHandingAgent(config, hooks, 2);
  const clients = await joinAll(agent, count);
  const had = clientsOf(one);
  expect([had > 0, await stateOf(agent)]).toEqual([true, { tunnels: 0, handedOff: count }]);
  const numbers = publish(two);
  await expect.poll(() => clients.every((client) => client.numbers.length > 10), patiently).toBe(true);
  await name([two.port]);
  await expect.poll(() => [clientsOf(one), clientsOf(two)], patiently).toEqual([0, count]);
  await expectUnnoticed(clients, numbers.stop());
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  expect(moves).toEqual(Array.from({ length: had }, () => 'session migrated'));
});

test('a push-server that comes gets its share of handed sessions when the agent is asked to rebalance, unnoticed', async () => {
  const config = await makeConfig();
  const [one, two] = [await startServer(config, 'one'), await startServer(config, 'two')];
  const { hooks, name } = await makeHooks(join(config.handOff.dir, '..'), [one.port]);
  const { agent, channels } = await startHandingAgent(config, hooks, 1);
  const clients = await joinAll(agent, count);
  await name([one.port, two.port]);
  // Before a client has come for it.
  await expect.poll(channels, patiently).toBe(2);
  expect([clientsOf(two), await stateOf(agent)]).toEqual([0, { tunnels: 0, handedOff: count }]);
  const numbers = publish(one);
  await expect.poll(() => clients.every((client) => client.numbers.length > 10), patiently).toBe(true);
  const answer = await (await fetch(`${agent.adminUrl}/rebalance`, { method: 'PUT' })).text();
  const asked = Number(/^(\d+) sessions/.exec(answer)?.[1]);
  expect(asked).toBeGreaterThan(2);
  await expect.poll(() => [clientsOf(one), clientsOf(two)], patiently).toEqual([count - asked, asked]);
  await expectUnnoticed(clients, numbers.stop());
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
});

test('a client of an own server that the router no longer names stays, as with a tunnel', async () => {
  const config = await makeConfig();
  const servers = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const server = createServer();
      new WebSocketServer({ server }).on('connection', (webSocket) => {
        webSocket.on('message', (data) => webSocket.send(`${name} ${data}`));
      });
      const handOffs = acceptHandOffs(server, { dir: config.handOff.dir });
      return { handOffs, port: await listen(server) };
    }),
  );
  const [one, two] = servers as [(typeof servers)[number], (typeof servers)[number]];
  const { hooks, name } = await makeHooks(join(config.handOff.dir, '..'), [one.port]);
  const { agent } = await startHandingAgent(config, hooks, 1);
  const open = async (user: string): Promise<WebSocket> => {
    const webSocket = new WebSocket(`${agent.url.replace('http', 'ws')}/?user=${user}`);
    onTestFinished(() => webSocket.terminate());
    await once(webSocket, 'open');
    return webSocket;
  };
  const echo = async (webSocket: WebSocket): Promise<string> => {
    webSocket.send('hello');
    return String((await once(webSocket, 'message'))[0]);
  };
  const early = await open('ann');
  expect(one.handOffs.size).toBe(1);
  await name([two.port]);
  await expect.poll(async () => echo(await open('bob')), patiently).toBe('two hello');
  // Targets are looked at once a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect([await echo(early), one.handOffs.size > 0]).toEqual(['one hello', true]);
});
