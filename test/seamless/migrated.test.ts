import { isMigrated, migratedReason, type PushServer, type PushServerOptions } from '@gopush/push-server';
import type { Server } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { believing, startTestAgent, targetsOf } from '../support/gateway.ts';
import { startNodes } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';
import { startWire } from '../support/wire.ts';

/** Push-servers behind an agent, of which clients come to the one that is routed to. */
async function start(hooks?: PushServerOptions['hooks']) {
  const nodes = await startNodes('embedded store');
  let to: readonly { ip: string; port?: number; ports?: number[] }[] = [];
  const agent = await startTestAgent({ agent: believing, router: { default: () => to as never } });
  return {
    agent,
    startServer: (pushServer = {}) => nodes.start({ drainMs: 5_000, ...pushServer }, hooks),
    route: (...servers: readonly PushServer[]) => {
      to = targetsOf(servers);
    },
    routeToPort: (port: number) => {
      to = [{ ip: '127.0.0.1', port }];
    },
    connect: (user: string) => connectClient(agent.url, 'websocket', { query: { user } }),
  };
}

async function enter(client: Socket, name: string): Promise<Socket> {
  const socket = client.io.socket(name);
  onTestFinished(() => void socket.disconnect());
  socket.connect();
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

/** A chat as people write it, in two namespaces, that handles the events of migrations. */
function serveChat(io: Server) {
  const seen = { came: [] as string[], migrated: [] as string[], admitted: [] as boolean[], reasons: [] as string[] };
  for (const namespace of [io.of('/'), io.of('/admin')]) {
    namespace.use((socket, next) => {
      seen.admitted.push(isMigrated(socket));
      next();
    });
    namespace.on('connection', (socket) => {
      const who = `${socket.handshake.query.user} ${namespace.name}`;
      if (isMigrated(socket)) seen.migrated.push(who);
      else {
        seen.came.push(who);
        socket.broadcast.emit('joined', who);
      }
      socket.on('disconnect', (reason) => {
        seen.reasons.push(reason);
        if (reason !== migratedReason) socket.broadcast.emit('left', who);
      });
    });
  }
  return seen;
}

test.each(['planned', 'crash'] as const)(
  'handlers can tell that a client has not come and not left: %s',
  async (how) => {
    const { startServer, connect, route, routeToPort } = await start();
    const [stays, old] = [await startServer(), await startServer()];
    const [atStays, atOld] = [serveChat(stays.io), serveChat(old.io)];
    route(stays);
    const ann = await connect('ann');
    const annAdmin = await enter(ann, '/admin');
    const wire = await startWire(old.port);
    routeToPort(wire.port);
    const bob = await connect('bob');
    const bobAdmin = await enter(bob, '/admin');
    const heard: unknown[] = [];
    for (const socket of [ann, annAdmin]) {
      socket.on('joined', (who) => heard.push(['joined', who]));
      socket.on('left', (who) => heard.push(['left', who]));
    }
    // This is acked when the session is stored: after a crash before that, bob would begin anew.
    await bob.emitWithAck('go:join', 'anywhere');
    route(stays);
    const before = atOld.reasons.length;
    if (how === 'planned') await old.close();
    else wire.crash();
    await expect.poll(() => [...atStays.migrated].sort(), { timeout: 10_000 }).toEqual(['bob /', 'bob /admin']);
    expect(atStays.came).toEqual(['ann /', 'ann /admin']);
    expect(atStays.admitted).toEqual([false, false, true, true]);
    if (how === 'planned') expect(atOld.reasons.slice(before)).toEqual(['migrated', 'migrated']);
    expect(bob.connected).toBe(true);
    await bob.emitWithAck('go:presence', { room: 'none' });
    expect(heard).toEqual([]);
    bob.disconnect();
    bobAdmin.disconnect();
    await expect.poll(() => heard.length).toBe(2);
    expect(heard).toEqual(
      expect.arrayContaining([
        ['left', 'bob /'],
        ['left', 'bob /admin'],
      ]),
    );
  },
);

test('onMigrated is told of a session that goes on, and neither onConnect nor onDisconnect', async () => {
  const told: unknown[] = [];
  const { startServer, connect, route } = await start({
    onConnect: (client) => {
      client.data.since = 'before';
      told.push(['connect', client.uid]);
      return true;
    },
    onMigrated: (client) => void told.push(['migrated', client.uid, client.data.since]),
    onDisconnect: (client, reason) => void told.push(['disconnect', client.uid, reason]),
  });
  const [old, fresh] = [await startServer(), await startServer()];
  route(old);
  const bob = await connect('bob');
  route(fresh);
  await old.close();
  await expect
    .poll(() => told)
    .toEqual([
      ['connect', 'bob'],
      ['migrated', 'bob', 'before'],
    ]);
  bob.disconnect();
  await expect.poll(() => told.slice(2)).toEqual([['disconnect', 'bob', expect.any(String)]]);
});

test('what handlers asked a client before a planned stop is answered, in any namespace and from any server', async () => {
  const { startServer, connect, route } = await start();
  const [old, other] = [await startServer(), await startServer()];
  for (const { io } of [old, other]) {
    io.on('connection', (socket) => {
      socket.on('buy', async (answer: (text: unknown) => void) => {
        answer(await socket.timeout(5_000).emitWithAck('confirm', 'buy'));
      });
    });
    io.of('/admin');
  }
  route(old);
  const bob = await connect('bob');
  const admin = await enter(bob, '/admin');
  for (const socket of [bob, admin]) {
    socket.on('confirm', (what: string, answer: (text: string) => void) => setTimeout(answer, 400, `${what}: yes`));
  }
  const [ofMain] = old.io.sockets.sockets.values();
  const [ofAdmin] = old.io.of('/admin').sockets.values();
  const asked = [
    ofMain?.timeout(5_000).emitWithAck('confirm', 'socket'),
    ofMain?.emitWithAck('confirm', 'without a timeout'),
    ofAdmin?.timeout(5_000).emitWithAck('confirm', 'admin'),
    old.io.timeout(5_000).emitWithAck('confirm', 'all'),
    other.io.timeout(5_000).emitWithAck('confirm', 'all from elsewhere'),
    bob.timeout(5_000).emitWithAck('buy'),
  ];
  await expect.poll(() => old.io.sockets.sockets.get(bob.id as string)?.listenerCount('buy')).toBe(1);
  await bob.emitWithAck('go:presence', { room: 'none' });
  route(other);
  await old.close();
  expect(await Promise.all(asked)).toEqual([
    'socket: yes',
    'without a timeout: yes',
    'admin: yes',
    ['all: yes'],
    ['all from elsewhere: yes'],
    'buy: yes',
  ]);
  expect(bob.connected).toBe(true);
});

test.each(['websocket', 'polling'] as const)(
  'what a client by %s does not answer before a stop fails with it, and holds it up for a bounded time',
  async (transport) => {
    const { startServer, agent, route } = await start();
    const [old, fresh] = [await startServer({ answerMs: 300 }), await startServer()];
    route(old);
    const bob = await connectClient(agent.url, transport, { query: { user: 'bob' } });
    // It never answers.
    bob.on('confirm', () => {});
    await fresh.push.toUser('bob', 'mail', 'nobody acknowledges it', { deliver: 'store' });
    const [socket] = old.io.sockets.sockets.values();
    const why = (error: Error): string => error.message;
    const asked = [
      socket?.timeout(60_000).emitWithAck('confirm').catch(why),
      socket?.emitWithAck('confirm').catch(why),
      new Promise((resolve) => socket?.timeout(60_000).emit('confirm', (error: Error) => resolve(why(error)))),
    ];
    route(fresh);
    const begun = performance.now();
    await old.close();
    const reasons = await Promise.all(asked);
    // Not as long as they would be waited for otherwise, a minute.
    expect(performance.now() - begun).toBeLessThan(30_000);
    const reason =
      transport === 'websocket' ? 'the session migrated before its client responded' : 'socket has been disconnected';
    expect(reasons).toEqual([reason, reason, reason]);
  },
);

test('an answer with a timeout that does not come fails as in Socket.IO, and one that comes is given', async () => {
  const { startServer, connect, route } = await start();
  const server = await startServer();
  route(server);
  const bob = await connect('bob');
  bob.on('quick', (answer: (text: string) => void) => answer('yes'));
  const [socket] = server.io.sockets.sockets.values();
  await expect(socket?.timeout(50).emitWithAck('slow')).rejects.toThrow('operation has timed out');
  expect(await socket?.timeout(10_000).emitWithAck('quick')).toBe('yes');
  expect(await socket?.emitWithAck('quick')).toBe('yes');
});
