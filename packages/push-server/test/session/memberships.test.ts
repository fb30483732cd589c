import type { Position } from '@gopush/contract';
import { expect, test } from 'vitest';
import { RecentDeliveries } from '../../src/rooms/delivery/recent-deliveries.ts';
import { Memberships, type MembershipsContext } from '../../src/session/memberships.ts';
import { FakeSocket } from './fake-socket.ts';

/** What a join of a room waits for, and what it gives. */
interface Joining {
  readonly room: string;
  readonly from: Position | 'start' | undefined;
  /** Lets the socket enter. */
  enter(missed: number[], position: Position | null, recovered?: boolean): Promise<void>;
}

/** Streams whose joins the test ends itself. */
function start({ canDecode = true } = {}) {
  const joins: Joining[] = [];
  const calls: string[] = [];
  const positions = new Map<string, Position>();
  const streams = {
    open: async (room: string) => void calls.push(`open ${room}`),
    position: (room: string) => positions.get(room) ?? null,
    leave: (room: string) => void calls.push(`leave ${room}`),
    turnOf: () => undefined,
    join: (room: string, _id: string, from: Position | 'start' | undefined, enter: (m: object[], p: unknown) => void) =>
      new Promise((resolve) => {
        joins.push({
          room,
          from,
          async enter(missed, position, recovered) {
            if (position !== null) positions.set(room, position);
            enter(
              missed.map((offset) => ({ offset, payload: Buffer.alloc(1) })),
              position,
            );
            resolve({ position, recovered });
            await new Promise(setImmediate);
          },
        });
      }),
  };
  const presence = {
    joined: (_id: string, _user: string, room: string) => void calls.push(`joined ${room}`),
    left: (_id: string, room: string) => void calls.push(`left ${room}`),
    gone: (_id: string, rooms: string[]) => void calls.push(`gone ${rooms}`),
    migrated: (_id: string, rooms: string[]) => void calls.push(`migrated ${rooms}`),
  };
  const recent = new RecentDeliveries();
  const receivedKeys = { of: () => [], remove: () => void calls.push('keys removed') };
  const delivery = { recent, receivedKeys, deliveredKeys: {}, deliverMissed: () => canDecode };
  const context = { streams, presence, delivery, senders: false, doubtMs: 60_000 } as unknown as MembershipsContext;
  const socket = new FakeSocket();
  return { memberships: new Memberships(socket.asSocket, 'ann', context), socket, joins, calls };
}

const at = (offset: number): Position => ({ epoch: 'e', offset });

test('a client is in a room from its request on, and has entered when it has all that it missed', async () => {
  const { memberships, socket, joins, calls } = start();
  const joined = memberships.join([{ room: 'den', from: at(2) }]);
  expect([memberships.has('r:den'), memberships.hasEntered('r:den')]).toEqual([true, false]);
  expect(memberships.positions).toEqual(new Map([['r:den', at(2)]]));
  await joins[0]?.enter([3, 4], at(4), true);
  expect(await joined).toEqual({ joined: [{ room: 'den', position: at(4), recovered: true }], isChanged: true });
  expect(memberships.hasEntered('r:den')).toBe(true);
  expect([...socket.rooms]).toEqual(['r:den']);
  expect(calls).toEqual(['joined r:den']);
});

test('a room that a client is in is not joined again, unless from a position', async () => {
  const { memberships, joins } = start();
  const first = memberships.join([{ room: 'den' }]);
  await joins[0]?.enter([], at(1));
  await first;
  expect(await memberships.join([{ room: 'den' }])).toEqual({
    joined: [{ room: 'den', position: at(1) }],
    isChanged: false,
  });
  expect(joins).toHaveLength(1);
  void memberships.join([{ room: 'den', from: at(0) }]);
  expect(joins).toHaveLength(2);
});

test('of several rooms none is joined after the connection has ended', async () => {
  const { memberships, socket, joins } = start();
  const joined = memberships.join([{ room: 'one' }, { room: 'two' }]);
  socket.connected = false;
  await joins[0]?.enter([], null);
  expect((await joined).joined.map(({ room }) => room)).toEqual(['one']);
  expect(joins).toHaveLength(1);
});

test('a message that cannot be decoded makes a gap of what was missed', async () => {
  const { memberships, joins } = start({ canDecode: false });
  const joined = memberships.join([{ room: 'den', from: at(2) }]);
  await joins[0]?.enter([3], at(3), true);
  expect((await joined).joined).toEqual([{ room: 'den', position: at(3), recovered: false }]);
});

test('who is told of presence: not of the room of the user, and of no room that was left meanwhile', async () => {
  const { memberships, joins, calls } = start();
  const restored = memberships.restore(
    new Map([
      ['u:ann', at(1)],
      ['r:stays', at(2)],
      ['r:leaves', at(3)],
    ]),
    [],
  );
  expect(memberships.leave('leaves')).toBe(true);
  await new Promise(setImmediate);
  expect(joins.map(({ room, from }) => [room, from])).toEqual([
    ['u:ann', at(1)],
    ['r:stays', at(2)],
  ]);
  for (const joining of joins) await joining.enter([], at(5), true);
  await restored;
  expect(calls.filter((call) => /joined/.test(call))).toEqual(['joined r:stays']);
  expect(memberships.count).toBe(1);
});

test('a restored session whose history is gone is told of a gap; one without positions begins at the start', async () => {
  const { memberships, socket, joins } = start();
  const restored = memberships.restore(new Map([['r:den', null]]), []);
  await new Promise(setImmediate);
  expect(joins[0]?.from).toBe('start');
  await joins[0]?.enter([], at(9), false);
  await restored;
  expect(socket.emitted).toContainEqual(['go:gap', { room: 'den', position: at(9) }]);
});

test('the last message that went out counts before the stored position', async () => {
  const { memberships, joins } = start();
  void memberships.restore(new Map([['r:den', at(2)]]), [at(7)]);
  await new Promise(setImmediate);
  expect(joins[0]?.from).toEqual(at(7));
});

test('what was caught up may be lost with this node: until then the position before it is certain', async () => {
  const { memberships, joins } = start();
  const joined = memberships.join([{ room: 'den', from: at(2) }]);
  await joins[0]?.enter([3, 4], at(4), true);
  await joined;
  expect(memberships.certainPositions).toEqual(new Map([['r:den', at(2)]]));
  const { tail } = memberships.tail(performance.now());
  expect(tail.map(({ position: { offset } }) => offset)).toEqual([3, 4]);
});

test.each([
  ['gone', 'gone r:den', ['r:den']],
  ['not taken', 'gone r:den', []],
  ['migrated', 'migrated r:den', []],
] as const)(
  'a session that ends, %s, tells presence so, and leaves rooms to the node that has it',
  async (how, told, rooms) => {
    const { memberships, socket, joins, calls } = start();
    const joined = memberships.join([{ room: 'den' }]);
    await joins[0]?.enter([], at(1));
    await joined;
    memberships.end(how);
    expect(calls).toContain(told);
    expect(calls).toContain('leave r:den');
    expect([...socket.rooms]).toEqual(rooms);
    expect([memberships.count, memberships.positions.size]).toEqual([0, 0]);
  },
);
