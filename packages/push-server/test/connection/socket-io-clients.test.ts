import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { expect, onTestFinished, test, vi } from 'vitest';
import { followRoomsOfHandlers, SocketIoClients } from '../../src/connection/socket-io-clients.ts';
import { emittedEvent } from '../../src/emit/emit-event.ts';
import type { ClientEvent } from '../../src/rooms/delivery/client-event.ts';
import { slowClients } from '../../src/rooms/names/room-names.ts';
import { FakeBus } from '../rooms/fake-bus.ts';

const event: ClientEvent = { event: 'news', message: 1, extra: ['more'], always: ['about'], position: 'e:1' };

function start() {
  const io = new Server(createServer());
  onTestFinished(() => void io.close());
  return { io, clients: new SocketIoClients(io), adapter: io.of('/').adapter };
}

test('an event goes to the clients of this node in a room, with the arguments that all get', () => {
  const { clients, adapter } = start();
  const current: unknown[] = [];
  const broadcast = vi.spyOn(adapter, 'broadcast').mockImplementation(({ data }) => {
    current.push(emittedEvent(data));
  });
  clients.emit('r:den', ['the sender'], event);
  expect(broadcast).toHaveBeenCalledWith(
    expect.objectContaining({ data: ['news', 1, 'about'] }),
    expect.objectContaining({
      rooms: new Set(['r:den']),
      except: new Set(['the sender']),
      flags: expect.objectContaining({ local: true }),
    }),
  );
  // While it is emitted, and not after that, its other forms can be found.
  expect(current).toEqual([event]);
  expect(emittedEvent(['news', 1])).toBeUndefined();
});

test('a volatile event leaves slow clients out', () => {
  const { clients, adapter } = start();
  const broadcast = vi.spyOn(adapter, 'broadcast').mockImplementation(() => {});
  clients.emit('r:den', ['the sender'], event, true);
  expect(broadcast.mock.calls[0]?.[1].except).toEqual(new Set(['the sender', slowClients]));
});

test('an adapter that throws leaves no event behind', () => {
  const { clients, adapter } = start();
  vi.spyOn(adapter, 'broadcast').mockImplementation(() => {
    throw new Error('no');
  });
  expect(() => clients.emit('r:den', [], event)).toThrow();
  expect(emittedEvent(['news', 1])).toBeUndefined();
});

test('the clients of a room are counted, disconnected, and reached on all nodes', () => {
  const { clients, adapter } = start();
  expect(clients.count('u:ann')).toBe(0);
  adapter.addAll('one', new Set(['u:ann']));
  expect(clients.count('u:ann')).toBe(1);
  const disconnect = vi.spyOn(adapter, 'disconnectSockets').mockImplementation(() => {});
  clients.disconnect('u:ann');
  expect(disconnect).toHaveBeenCalledWith(expect.objectContaining({ rooms: new Set(['u:ann']) }), true);
  const broadcast = vi.spyOn(adapter, 'broadcast').mockImplementation(() => {});
  clients.emitToAll('p:game', 'news', 1);
  clients.emitToAll(undefined, 'news', 1);
  expect(broadcast.mock.calls.map(([, { rooms }]) => [...rooms])).toEqual([['p:game'], []]);
});

test('rooms into which handlers put sockets are followed while somebody is in them', () => {
  const { io, adapter } = start();
  const bus = new FakeBus();
  followRoomsOfHandlers(io, bus);
  adapter.addAll('one', new Set(['r:den', 'u:ann', 'a room of handlers']));
  expect(bus.followed).toEqual(['r:den']);
  adapter.del('one', 'r:den');
  expect(bus.followed).toEqual([]);
});
