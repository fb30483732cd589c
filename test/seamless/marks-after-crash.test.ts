import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { PushServer } from '@gopush/push-server';
import { type Client, createClient } from 'gopush/client';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { startChildProgram } from '../support/child-program.ts';
import { believing } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { startNodes } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';

/** A client on a push-server that can be killed, which another one replaces. */
async function start() {
  const nodes = await startNodes('embedded store');
  const settings = { ...nodes.config, serverPortStart: await freePort(), handOff: { enabled: false } };
  const other = await nodes.start();
  const dies = await startChildProgram('chaos-server.mjs', [JSON.stringify(settings), 'dies']);
  let ports = [settings.serverPortStart];
  const { logger, next } = createMemoryLog();
  const { url } = await startTestAgent(
    { agent: believing, router: { default: () => ports.map((port) => ({ ip: '127.0.0.1', port })) } },
    { handOff: { enabled: false } },
    logger,
  );
  const socket = await connectClient(url, 'websocket', { query: { user: 'ann' } });
  return {
    socket,
    other,
    dies,
    async kill() {
      ports = [settings.serverPortStart, other.port];
      const ended = once(dies.child, 'exit');
      dies.child.kill('SIGKILL');
      await ended;
      await next(/^session failed over$/);
    },
  };
}

/** Each message comes with its position: by that its room is found. */
async function expectHeard(client: Client<{ count: number }>, { push }: PushServer): Promise<void> {
  const room = client.join('room');
  const heard: number[] = [];
  room.on('count', (number) => heard.push(number));
  await room.joined;
  for (const number of [0, 1, 2]) await push.toRoom('room', 'count', number);
  await expect.poll(() => heard).toEqual([0, 1, 2]);
}

/** Resolves when the server has acknowledged that the client gets positions. */
function whenAsked(socket: Socket): Promise<unknown> {
  return socket.emitWithAck('go:marks');
}

test('a client that asked for positions still gets them after its push-server has crashed, even if it was in no room then', async () => {
  const { socket, other, kill } = await start();
  await whenAsked(socket);
  const client = createClient<{ count: number }>(socket);
  // It has its response as well.
  await whenAsked(socket);
  await kill();
  await expectHeard(client, other);
});

test('a client whose request for positions is lost in a crash asks again', async () => {
  const { socket, other, dies, kill } = await start();
  // Its session is stored.
  await delay(300);
  dies.child.kill('SIGSTOP');
  const client = createClient<{ count: number }>(socket, { timeoutMs: 300, retryMs: 50 });
  await kill();
  await delay(600);
  await expectHeard(client, other);
});
