import type { Position } from '@gopush/contract';
import { expect, test, vi } from 'vitest';
import type { Publication } from '../../../src/rooms/codec/publication.ts';
import { RoomDelivery } from '../../../src/rooms/delivery/room-delivery.ts';
import type { Subscriber } from '../../../src/rooms/delivery/subscriber.ts';
import type { RoomMembers } from '../../../src/rooms/stream/room-stream-events.ts';
import { FakeClients } from '../fake-clients.ts';
import { encode } from '../memory-history.ts';

const room = 'r:den';

function start(members: Readonly<Record<string, number>> = {}) {
  const clients = new FakeClients();
  const counts = { gaps: 0, repeated: 0 };
  const onUndecodable = vi.fn();
  const log = { debug() {}, info() {}, warn() {}, error: vi.fn() };
  const delivery = new RoomDelivery({
    clients,
    node: 'this node',
    keepKeysMs: 60_000,
    senders: false,
    counts,
    onUndecodable,
    log,
  });
  const ofRoom: RoomMembers = {
    room,
    turnOf: (id) => members[id],
    enteredSince: (turn) => Object.keys(members).filter((id) => (members[id] as number) >= turn),
  };
  const deliver = (offset: number, publication: Partial<Publication> = {}): Position => {
    const position = { epoch: 'e', offset };
    delivery.deliver(ofRoom, { offset, at: 0, payload: encode(publication) }, position);
    return position;
  };
  const emitted = (): unknown[] => clients.emitted.map(({ room: to, except, event }) => [to, event.event, except]);
  return { delivery, deliver, clients, counts, onUndecodable, log, emitted };
}

/** Notes what it is given. */
function subscriberNamed(id: string) {
  const got: unknown[] = [];
  const subscriber: Subscriber = {
    id,
    receive: (_room, { message }, position) => void got.push(['message', message, position?.offset ?? null]),
    skip: (_room, { offset }) => void got.push(['skip', offset]),
    gap: (_room, { offset }) => void got.push(['gap', offset]),
  };
  return { subscriber, got };
}

test('a message goes to the clients of its room at once, without its sender, and to each other subscriber', () => {
  const { delivery, deliver, emitted } = start();
  const { subscriber, got } = subscriberNamed('listener');
  delivery.subscribers.add(room, subscriber);
  deliver(1, { message: 'one', except: 'the sender' });
  expect(emitted()).toEqual([[room, 'news', ['the sender']]]);
  expect(got).toEqual([['message', 'one', 1]]);
  delivery.subscribers.remove(room, subscriber);
  deliver(2);
  expect(got).toHaveLength(1);
});

test('a subscriber that throws keeps nobody else from a message, or from a gap', () => {
  const { delivery, deliver, log } = start();
  const bad: Subscriber = { ...subscriberNamed('bad').subscriber };
  bad.receive = bad.gap = () => {
    throw new Error('no');
  };
  const { subscriber, got } = subscriberNamed('good');
  for (const one of [bad, subscriber]) delivery.subscribers.add(room, one);
  deliver(1, { message: 'one' });
  delivery.gap(room, { epoch: 'e', offset: 2 });
  expect(got).toEqual([
    ['message', 'one', 1],
    ['gap', 2],
  ]);
  expect(log.error).toHaveBeenCalledTimes(2);
});

test('a message with an id that went out unkept goes, once it is kept, to members that came since', () => {
  const { delivery, deliver, clients, counts, emitted } = start({ early: 0, late: 1 });
  const { subscriber, got } = subscriberNamed('early');
  delivery.subscribers.add(room, subscriber);
  delivery.deliverUnkept(room, { event: 'news', message: 1, except: undefined, sender: undefined, id: 'k' }, false);
  expect(delivery.wasDelivered(room, 'k')).toBe(true);
  clients.emitted.length = 0;
  deliver(1, { message: 1, id: 'k' });
  expect(emitted()).toEqual([
    [room, 'go:epoch', ['late']],
    ['late', 'news', []],
  ]);
  expect(got).toEqual([
    ['message', 1, null],
    ['skip', 1],
  ]);
  expect(counts.repeated).toBe(1);
});

test('an unkept message with an id goes out once, and one without goes out each time', () => {
  const { delivery, clients, counts } = start();
  const publication: Publication = { event: 'news', message: 1, except: undefined, sender: undefined };
  for (let time = 0; time < 2; time++) delivery.deliverUnkept(room, { ...publication, id: 'k' }, false);
  expect(clients.emitted).toHaveLength(1);
  for (let time = 0; time < 2; time++) delivery.deliverUnkept(room, publication, true);
  expect(clients.emitted).toHaveLength(3);
  expect(clients.emitted.at(-1)?.volatile).toBe(true);
  expect(counts.repeated).toBe(1);
});

test('a client that received a message elsewhere gets its position instead', () => {
  const { delivery, deliver, emitted } = start({ moved: 0 });
  delivery.receivedKeys.add('moved', [[room, 'k', 3]]);
  delivery.receivedKeys.add('in another room', [[room, 'k', 3]]);
  deliver(1, { id: 'k' });
  expect(emitted()).toEqual([
    ['moved', 'go:epoch', []],
    [room, 'news', ['moved', 'in another room']],
  ]);
});

test('one subscriber is given what it missed, but not what it published or had before', () => {
  const { delivery, onUndecodable } = start();
  const { subscriber, got } = subscriberNamed('back');
  delivery.receivedKeys.add('back', [[room, 'had', 0]]);
  const missed = [encode({ message: 1 }), encode({ except: 'back' }), encode({ id: 'had' }), Buffer.from('garbage')];
  const decoded = missed.map((payload, at) =>
    delivery.deliverMissed(subscriber, room, { epoch: 'e', offset: at + 1 }, payload),
  );
  expect(decoded).toEqual([true, true, true, false]);
  expect(got).toEqual([
    ['message', 1, 1],
    ['skip', 3],
  ]);
  expect(onUndecodable).toHaveBeenCalledOnce();
});

test('clients are told of a gap in a room, but not in the room of their user', () => {
  const { delivery, emitted, counts } = start();
  delivery.gap(room, { epoch: 'e', offset: 1 });
  delivery.gap('u:ann', { epoch: 'e', offset: 1 });
  delivery.undeliverable(room, { epoch: 'e', offset: 2 }, new Error('no'));
  expect(emitted().map((one) => (one as unknown[])[0])).toEqual([room, room]);
  expect(counts.gaps).toBe(3);
});
