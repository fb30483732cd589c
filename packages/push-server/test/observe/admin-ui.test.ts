import { setTimeout as delay } from 'node:timers/promises';
import type { PushServer } from '@gopush/push-server';
import { io, type Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';

/** Hash of `correct horse`, with as few rounds as there may be. */
const passwordHash = '$2a$04$kOSG.7XFE7nKy594sebRoeQPtLyYA8dopUnmWYR4PTPC/2QyP2vZC';

async function start(adminUi: { username: string; passwordHash: string } | null): Promise<PushServer> {
  const [server] = await startPushServers(1, { pushServer: { adminUi } });
  return server as PushServer;
}

function openAdmin({ url }: PushServer, auth: object): Socket {
  const socket = io(`${url}/gopush-admin`, { auth, forceNew: true, reconnection: false, transports: ['websocket'] });
  onTestFinished(() => void socket.disconnect());
  return socket;
}

test('the admin page shows the push-server to who knows the password', async () => {
  const server = await start({ username: 'ops', passwordHash });
  await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  const admin = openAdmin(server, { username: 'ops', password: 'correct horse' });
  const stats = nextEvent<{ serverId: string; clientsCount: number }>(admin, 'server_stats');
  await nextEvent(admin, 'connect');
  expect(await stats).toMatchObject({ serverId: 'push-server-0', clientsCount: 2 });
});

test.each([
  ['nothing', {}],
  ['a wrong password', { username: 'ops', password: 'x' }],
  ['another user', { username: 'eve', password: 'correct horse' }],
  ['no password', { username: 'ops' }],
  ['a password that is no text', { username: 'ops', password: { $gt: '' } }],
  ['a session that is not, without a password', { username: 'ops', sessionId: 'x' }],
])('%s is refused, and the push-server goes on', async (_what, auth) => {
  const server = await start({ username: 'ops', passwordHash });
  const refused = await nextEvent<Error>(openAdmin(server, auth), 'connect_error');
  expect(refused.message).toBe('invalid credentials');
  await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
});

test('without the setting there is no such namespace', async () => {
  const server = await start(null);
  const refused = await nextEvent<Error>(openAdmin(server, {}), 'connect_error');
  expect(refused.message).toBe('Invalid namespace');
});

test('a namespace /admin of the program is its own, and one that both want is named at the start', async () => {
  const setup = (io: PushServer['io']): void => {
    io.of('/admin').on('connection', (socket) => socket.on('who', (answer: (name: string) => void) => answer('mine')));
  };
  const adminUi = { username: 'ops', passwordHash };
  const [server] = (await startPushServers(1, { pushServer: { adminUi } }, { setup })) as [PushServer];
  const client = await connectClient(`${server.url}/admin`, 'websocket', { query: { uid: 'ann' } });
  expect(await client.emitWithAck('who')).toBe('mine');
  await expect(
    startPushServers(1, { pushServer: { adminUi: { ...adminUi, namespace: '/admin' } } }, { setup }),
  ).rejects.toThrow('pushServer.adminUi.namespace: handlers of this program also use the namespace /admin');
});

test('a hash that is none is refused at the start', async () => {
  await expect(start({ username: 'ops', passwordHash: 'secret' })).rejects.toThrow(/passwordHash/);
});

test('many wrong passwords hold up nobody: they are refused, and clients are served meanwhile', async () => {
  // Of 12 rounds: 200 of them would take this thread a minute.
  const slow = '$2a$12$K3YwY.eXG8iXcvnC4y1zHeL4VmH8yQ3Tn1o7UjwZ5BNcdcEoxJ4Aq';
  const server = await start({ username: 'ops', passwordHash: slow });
  const client = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  const refused = Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      nextEvent<Error>(openAdmin(server, { username: 'ops', password: `x${index}` }), 'connect_error'),
    ),
  );
  let longest = 0;
  let done = false;
  const watching = (async () => {
    while (!done) {
      const asked = performance.now();
      await client.emitWithAck('go:join', 'lobby');
      longest = Math.max(longest, performance.now() - asked);
      // As many as answers come would be more than limits.messagesPerSecond, for which clients are sent away.
      await delay(20);
    }
  })();
  const messages = new Set((await refused).map(({ message }) => message));
  done = true;
  await watching;
  expect([...messages].sort()).toEqual(['invalid credentials', 'too many attempts']);
  expect(longest).toBeLessThan(2_000);
});

test('who has signed in comes back by the session, however many attempts others make', async () => {
  const server = await start({ username: 'ops', passwordHash });
  const first = openAdmin(server, { username: 'ops', password: 'correct horse' });
  const session = await nextEvent<string>(first, 'session');
  await Promise.all(
    Array.from({ length: 30 }, () => nextEvent(openAdmin(server, { username: 'ops', password: 'x' }), 'connect_error')),
  );
  const refused = await nextEvent<Error>(
    openAdmin(server, { username: 'ops', password: 'correct horse' }),
    'connect_error',
  );
  expect(refused.message).toBe('too many attempts');
  await nextEvent(openAdmin(server, { sessionId: session }), 'connect');
});
