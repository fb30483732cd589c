import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { connectClient, openClient, type Transport } from '../../../../test/support/socket-io.ts';

/** A Socket.IO service that answers `who` with its name; one that marks puts the agent's mark at the end of its session ids. */
async function startService(name: number, marks: boolean) {
  const http = createServer();
  const server = new Server(http);
  if (marks) {
    const { engine } = server;
    const plain = engine.generateId.bind(engine);
    engine.generateId = async (request) => `${await plain(request)}.${request.headers['x-gopush-sticky']}`;
  }
  server.on('connection', (socket) => {
    socket.on('who', (answer: (who: number) => void) => answer(name));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.close());
  return { ip: '127.0.0.1', port: (http.address() as AddressInfo).port };
}

/** A gateway whose router wants new sessions, at each call, only at the next one of three services. */
async function startTurning(marks: boolean, sticky: NonNullable<ConfigInput['routing']>['sticky']) {
  const services = await Promise.all([0, 1, 2].map((name) => startService(name, marks)));
  let calls = 0;
  const turn = () => {
    const next = calls++ % services.length;
    return services.map((service, index) => ({ ...service, weight: index === next ? 1 : 0 }));
  };
  const agent = await startAgent({
    config: {
      agentPort: 0,
      agent: { host: '127.0.0.1', drainMs: 100 },
      hold: { timeoutMs: 0 },
      limits: { eventLoopDelayMs: 0 },
      routing: { sticky },
      access: { secrets: ['a secret of the tests'] },
    },
    hooks: { agent: () => 'ann', router: { default: turn } },
  });
  onTestFinished(() => agent.close());
  return { url: agent.url, calls: () => calls };
}

async function whoTimes(socket: Socket, times: number): Promise<number[]> {
  const names: number[] = [];
  for (let time = 0; time < times; time++) names.push(await socket.emitWithAck('who'));
  return names;
}

test.each<[Transport]>([['polling'], ['upgrade']])(
  'a session by %s stays with its target while the router prefers others',
  async (transport) => {
    const { url, calls } = await startTurning(true, 'sid');
    const ends: string[] = [];
    for (let round = 0; round < 4; round++) {
      const socket = await connectClient(url, transport, { reconnection: false });
      socket.on('disconnect', (reason) => ends.push(reason));
      expect(new Set(await whoTimes(socket, 5)).size).toBe(1);
    }
    expect(calls()).toBeGreaterThan(8);
    expect(ends).toEqual([]);
  },
);

test.each<[Transport]>([['polling'], ['upgrade']])(
  'the cookie keeps a session by %s with a target that knows nothing of marks',
  async (transport) => {
    const { url } = await startTurning(false, 'cookie');
    const socket = await connectClient(url, transport, { reconnection: false, withCredentials: true });
    const ends: string[] = [];
    socket.on('disconnect', (reason) => ends.push(reason));
    expect(new Set(await whoTimes(socket, 5)).size).toBe(1);
    expect(ends).toEqual([]);
  },
);

test('without either a session is lost, since its target changes', async () => {
  const { url } = await startTurning(true, 'none');
  const socket = openClient(url, 'polling', { reconnection: false });
  const ended = await new Promise((resolve) => socket.once('connect_error', resolve).once('disconnect', resolve));
  expect(String(ended)).toMatch(/xhr p|transport error/);
});
