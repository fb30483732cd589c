import type { Socket } from 'node:net';
import type { PushServerOptions, ServerHook } from '@gopush/push-server';
import type { Socket as ServerSocket } from 'socket.io';
import type { Socket as Client } from 'socket.io-client';
import { expect, test } from 'vitest';
import { believing, startPushServers, startTestAgent } from '../support/gateway.ts';
import { handsOver } from '../support/hands-over.ts';
import { hear } from '../support/nodes.ts';
import { connectClient, nextEvent } from '../support/socket-io.ts';

/** What is below a socket of Socket.IO. With hand-offs it is the client itself, which a reset would cut. */
interface Connection {
  readonly transport: { readonly socket: { readonly _socket: Socket } };
}

/** The text of another client reaches `ann` in some way, just before her push-server crashes. */
async function passOn(
  hooks: NonNullable<PushServerOptions['hooks']>,
  read: (ann: Client, text: string) => Promise<void>,
) {
  const servers = await startPushServers(2, {}, { hooks });
  const ports = servers.map(({ port }) => port);
  const agent = await startTestAgent({ agent: believing, router: { default: { ip: '127.0.0.1', ports } } });
  const connect = (user: string) => connectClient(agent.url, 'websocket', { query: { user } });
  const [ann, eve] = [await connect('ann'), await connect('eve')];
  for (const client of [ann, eve]) await client.emitWithAck('go:join', 'lobby');
  const [heard, gaps] = [hear<number>(ann, 'n'), hear(ann, 'go:gap')];
  const first = { room: 'lobby', event: 'n', message: 1 };
  const { position } = (await eve.emitWithAck('go:publish', first)) as { position: { epoch: string; offset: number } };
  await heard.has(1);
  const text = `${position.epoch}.${position.offset + 3}~`;
  const isRead = read(ann, text);
  await eve.emitWithAck('write', text);
  await isRead;
  const of = servers.flatMap(({ io }) => io.of('/').sockets.get(ann.id as string) ?? []);
  // As when its process dies.
  const connections = of.map(({ conn }) => conn as unknown as Connection);
  for (const { transport } of connections) transport.socket._socket.resetAndDestroy();
  for (const n of [2, 3, 4, 5, 6]) await servers[0]?.push.toRoom('lobby', 'n', n);
  await heard.has(6);
  expect(heard.all).toEqual([1, 2, 3, 4, 5, 6]);
  expect(gaps.all).toEqual([]);
  expect(ann.connected).toBe(true);
}

test.skipIf(handsOver)(
  'a mark that another client has written into an answer does not tell where a client stands after a crash',
  async () => {
    let note: unknown = '';
    const hooks: ServerHook = {
      onMessage(_client, event, data) {
        if (event === 'write') note = data;
        return note;
      },
    };
    await passOn(hooks, async (ann, text) => {
      await expect.poll(() => ann.emitWithAck('read')).toBe(text);
    });
  },
);

test.skipIf(handsOver)('nor does one in an event that wants an answer', async () => {
  const hooks: ServerHook = {
    setup(io) {
      const listen = (socket: ServerSocket): void => {
        void socket.join('everyone');
        socket.on('write', (text: string, ack: () => void) => {
          io.timeout(1_000)
            .to('everyone')
            .emit('letter', 'eve', text, () => {});
          ack();
        });
      };
      io.on('connection', listen);
      return () => void io.off('connection', listen);
    },
  };
  await passOn(hooks, async (ann) => {
    await nextEvent(ann, 'letter');
  });
});

test.skipIf(handsOver)(
  'nor does one in an event that a handler of the project emits, to a room or to one client',
  async () => {
    const hooks: ServerHook = {
      setup(io) {
        const listen = (socket: ServerSocket): void => {
          void socket.join('everyone');
          socket.on('write', (text: string, ack: () => void) => {
            io.to('everyone').emit('note', 'eve', text);
            for (const each of io.sockets.sockets.values()) each.emit('letter', 'eve', text);
            ack();
          });
        };
        io.on('connection', listen);
        return () => void io.off('connection', listen);
      },
    };
    await passOn(hooks, async (ann) => {
      await nextEvent(ann, 'note');
    });
  },
);
