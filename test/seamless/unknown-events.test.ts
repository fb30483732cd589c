import type { PushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient } from '../support/socket-io.ts';

const unknown = { ok: false, error: { code: 'event_unknown' } };

async function connectTo(server: PushServer, path = ''): Promise<Socket> {
  return connectClient(server.url + path, 'websocket', { query: { uid: 'ann' } });
}

test('an event that nobody listens to is answered', async () => {
  const [server] = (await startPushServers(
    1,
    {},
    {
      setup(io) {
        io.on('connection', (socket) => {
          socket.on('known', (answer) => setTimeout(answer, 20, 'yes'));
          socket.on('listen', (event, answer) => {
            socket.on(event, (late: (answer: string) => void) => late('late'));
            answer();
          });
        });
      },
    },
  )) as [PushServer];
  const client = await connectTo(server);
  expect(await client.timeout(10_000).emitWithAck('nothing', 1, { two: 2 })).toMatchObject(unknown);
  expect(await client.timeout(10_000).emitWithAck('known')).toBe('yes');
  await client.emitWithAck('listen', 'nothing');
  expect(await client.timeout(10_000).emitWithAck('nothing')).toBe('late');
});

test.each<[string, (socket: import('socket.io').Socket) => void]>([
  ['onAny', (socket) => socket.onAny((_event, ...args) => args.at(-1)?.('any'))],
  ['prependAny', (socket) => socket.prependAny((_event, ...args) => args.at(-1)?.('any'))],
  [
    'a middleware',
    (socket) =>
      void socket.use(([, ...args], next) => {
        args.at(-1)?.('any');
        next();
      }),
  ],
])('an event is left to %s of the program', async (_, hear) => {
  const [server] = (await startPushServers(1, {}, { setup: (io) => void io.on('connection', hear) })) as [PushServer];
  const client = await connectTo(server);
  expect(await client.timeout(10_000).emitWithAck('nothing')).toBe('any');
});

test('namespaces of the program are left alone', async () => {
  const [server] = (await startPushServers(1, {}, { setup: (io) => void io.of('/own') })) as [PushServer];
  const client = await connectTo(server, '/own');
  await expect(client.timeout(200).emitWithAck('nothing')).rejects.toThrow('timed out');
});

test('the server hook sees what clients give as auth, also after a session has migrated', async () => {
  const seen: unknown[] = [];
  const servers = await startPushServers(
    2,
    { pushServer: { drainMs: 3_000 } },
    {
      hooks: {
        onConnect: ({ auth }) => auth.token === 'secret' && seen.push(auth) > 0,
        onMessage: ({ auth }) => auth,
      },
    },
  );
  const agent = await startTestAgent({ agent: believing, router: { default: () => targetsOf(servers) } });
  const auth = { token: 'secret' };
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' }, auth });
  await client.emitWithAck('go:join', 'den');
  const home = servers.find(({ io }) => io.engine.clientsCount > 0) as PushServer;
  await home.close();
  expect(await client.emitWithAck('auth')).toEqual(auth);
  expect(seen).toEqual([auth]);
  await expect(
    connectClient(agent.url, 'websocket', { query: { user: 'bob' }, auth: { token: 'wrong' } }),
  ).rejects.toMatchObject({ data: { code: 'connect_refused' } });
});
