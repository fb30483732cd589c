import type { PushServer } from '@gopush/push-server';
import { io, type Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { startPushServers } from './support/gateway.ts';
import { connectClient, nextEvent } from './support/socket-io.ts';

/** Hash of `correct horse`, with as few rounds as there may be. */
const passwordHash = '$2a$04$kOSG.7XFE7nKy594sebRoeQPtLyYA8dopUnmWYR4PTPC/2QyP2vZC';

async function start(adminUi: { username: string; passwordHash: string } | null): Promise<PushServer> {
  const [server] = await startPushServers(1, { pushServer: { adminUi } });
  return server as PushServer;
}

function openAdmin({ url }: PushServer, auth: object): Socket {
  const socket = io(`${url}/admin`, { auth, forceNew: true, reconnection: false, transports: ['websocket'] });
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

test('a hash that is none is refused at the start', async () => {
  await expect(start({ username: 'ops', passwordHash: 'secret' })).rejects.toThrow(/passwordHash/);
});
