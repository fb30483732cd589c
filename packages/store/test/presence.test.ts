import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeStores, fresh, until } from './support/stores.ts';

const lease = 60_000;

describeStores('presence', (open) => {
  test('users and rooms are found by how their names begin, and the rooms of a user', async () => {
    const [one, two] = [(await open()).presence, (await open()).presence];
    const [a, b, start] = [fresh('a'), fresh('b'), fresh('f')];
    await one.beat(a, lease);
    await two.beat(b, lease);
    const uids = ['x', 'y', 'ä'].map((end) => `${start}-${end}`);
    for (const [index, uid] of uids.entries()) {
      const [presence, node] = index === 0 ? [one, a] : [two, b];
      await presence.enter(node, { uid, socket: `${start}${index}`, since: 1 });
      for (const room of ['1', '2']) await presence.joinRoom(node, `r:${start}-${room}`, uid, `${start}${index}`);
    }
    await one.enter(a, { uid: uids[0] ?? '', socket: `${start}9`, since: 1 });
    await one.joinRoom(a, `r:${start}-3`, uids[0] ?? '', `${start}9`);
    const rooms = ['1', '2', '3'].map((room) => `r:${start}-${room}`);
    for (const presence of [one, two]) {
      expect(await presence.find('user', `${start}-`, 10)).toEqual({ names: uids, isWhole: true });
      expect(await presence.find('user', `${start}-x`, 10)).toEqual({ names: [uids[0]], isWhole: true });
      expect(await presence.find('room', `r:${start}`, 10)).toEqual({ names: rooms, isWhole: true });
      expect(await presence.find('room', `r:${start}-4`, 10)).toEqual({ names: [], isWhole: true });
      const some = await presence.find('user', start, 2);
      expect([some.names.length, some.isWhole]).toEqual([2, false]);
      expect(await presence.roomsOf(uids[0] ?? '', 10)).toEqual({ names: rooms, isWhole: true });
      expect(await presence.roomsOf(uids[1] ?? '', 10)).toEqual({ names: rooms.slice(0, 2), isWhole: true });
      expect(await presence.roomsOf(`${start}-nobody`, 10)).toEqual({ names: [], isWhole: true });
      const someRooms = await presence.roomsOf(uids[0] ?? '', 1);
      expect([someRooms.names.length, someRooms.isWhole]).toEqual([1, false]);
    }
    expect((await one.find('user', '', 1)).names).toHaveLength(1);
    await expect(one.find('user', 'a\0', 1)).rejects.toMatchObject({ code: 'bad_argument' });
  });

  test('names whose connections are all at a node that died are not found', async () => {
    const { presence } = await open();
    const [node, start] = [fresh('node'), fresh('dead')];
    await presence.beat(node, 1_000);
    await presence.enter(node, { uid: start, socket: start, since: 1 });
    await presence.joinRoom(node, `r:${start}`, start, start);
    await until(
      async () => (await presence.user(start)).devices,
      (devices) => devices === 0,
    );
    expect(await presence.find('user', start, 10)).toEqual({ names: [], isWhole: true });
    expect(await presence.find('room', `r:${start}`, 10)).toEqual({ names: [], isWhole: true });
    expect(await presence.roomsOf(start, 10)).toEqual({ names: [], isWhole: true });
    await presence.sweep();
  });

  test('a user is online from the first connection to the last, on whichever nodes', async () => {
    const [one, two] = [(await open()).presence, (await open()).presence];
    const [a, b, uid] = [fresh('a'), fresh('b'), fresh('uid')];
    expect(await one.beat(a, lease)).toBe('begun');
    expect(await one.beat(a, lease)).toBe('renewed');
    await two.beat(b, lease);
    expect(await two.user(uid)).toEqual({ devices: 0, since: undefined, lastSeen: undefined, nodes: [] });
    expect(await one.enter(a, { uid, socket: 's1', since: 2_000 })).toEqual({ first: true });
    expect(await two.enter(b, { uid, socket: 's2', since: 1_000 })).toEqual({ first: false });
    expect(await one.user(uid)).toEqual({ devices: 2, since: 1_000, lastSeen: undefined, nodes: [a, b] });
    expect(await two.leave(b, 's2')).toEqual({ uid, last: false });
    expect(await two.leave(b, 's2')).toBeUndefined();
    expect(await two.user(uid)).toEqual({ devices: 1, since: 2_000, lastSeen: undefined, nodes: [a] });
    const before = Date.now();
    expect(await one.leave(a, 's1')).toEqual({ uid, last: true });
    const { lastSeen, ...rest } = await two.user(uid);
    expect(rest).toEqual({ devices: 0, since: undefined, nodes: [] });
    expect(Math.abs((lastSeen ?? 0) - before)).toBeLessThan(60_000);
  });

  test('a socket that enters again, even as another user, counts once', async () => {
    const { presence } = await open();
    const [node, uid, other] = [fresh('node'), fresh('uid'), fresh('other')];
    await presence.beat(node, lease);
    await presence.enter(node, { uid, socket: 's', since: 1 });
    await presence.enter(node, { uid, socket: 's', since: 2 });
    expect(await presence.user(uid)).toMatchObject({ devices: 1, since: 2 });
    await presence.enter(node, { uid: other, socket: 's', since: 3 });
    expect([(await presence.user(uid)).devices, (await presence.user(other)).devices]).toEqual([0, 1]);
  });

  test('a socket that enters again as the same user is not seen leaving', async () => {
    const [{ presence }, looking] = [await open(), (await open()).presence];
    const [node, uid, room] = [fresh('node'), fresh('uid'), fresh('room')];
    await presence.beat(node, lease);
    expect(await presence.enter(node, { uid, socket: 's', since: 1 })).toEqual({ first: true });
    expect(await presence.joinRoom(node, room, uid, 's')).toEqual({ first: true, occupied: true });
    let entering = true;
    const again = (async () => {
      for (let time = 0; time < 20; time++) {
        expect(await presence.enter(node, { uid, socket: 's', since: 1 })).toEqual({ first: false });
        expect(await presence.joinRoom(node, room, uid, 's')).toEqual({ first: false, occupied: false });
      }
      entering = false;
    })();
    while (entering) {
      expect((await looking.user(uid)).devices).toBe(1);
      expect((await looking.room(room, 10)).users).toEqual([{ uid, devices: 1 }]);
      // The embedded store reads without a turn of the loop, which its writes wait for.
      await setImmediate();
    }
    await again;
    // Nor is it counted twice.
    expect(await presence.leaveRoom(node, room, 's')).toEqual({ uid, last: true, emptied: true });
    expect(await presence.leave(node, 's')).toEqual({ uid, last: true });
  });

  test('a room lists its users and tells the first and the last connection of each', async () => {
    const [one, two] = [(await open()).presence, (await open()).presence];
    const [a, b, room] = [fresh('a'), fresh('b'), fresh('room}{')];
    await one.beat(a, lease);
    await two.beat(b, lease);
    expect(await one.joinRoom(a, room, 'u', 's1')).toEqual({ first: true, occupied: true });
    expect(await two.joinRoom(b, room, 'u', 's2')).toEqual({ first: false, occupied: false });
    expect(await two.joinRoom(b, room, 'ä', 's3')).toEqual({ first: true, occupied: false });
    expect((await one.room(room, 100)).users).toEqual([
      { uid: 'u', devices: 2 },
      { uid: 'ä', devices: 1 },
    ]);
    expect(await one.leaveRoom(a, room, 's1')).toEqual({ uid: 'u', last: false, emptied: false });
    expect(await two.leaveRoom(b, room, 's2')).toEqual({ uid: 'u', last: true, emptied: false });
    expect(await two.leaveRoom(b, room, 's2')).toBeUndefined();
    expect(await one.room(room, 100)).toEqual({ users: [{ uid: 'ä', devices: 1 }], next: undefined });
    expect(await two.leaveRoom(b, room, 's3')).toEqual({ uid: 'ä', last: true, emptied: true });
    expect(await one.room(fresh('empty'), 100)).toEqual({ users: [], next: undefined });
  });

  test('a room is listed by pages: everyone who stays is on one of them, each page is no larger than asked for', async () => {
    const [one, two] = [(await open()).presence, (await open()).presence];
    const [a, b, room] = [fresh('a'), fresh('b'), fresh('hall')];
    await one.beat(a, lease);
    await two.beat(b, lease);
    const uids = Array.from({ length: 700 }, (_, index) => `u${index} ä`);
    await Promise.all(
      uids.flatMap((uid, index) => [
        one.joinRoom(a, room, uid, `s${index}`),
        ...(index % 3 === 0 ? [two.joinRoom(b, room, uid, `t${index}`)] : []),
      ]),
    );
    for (const limit of [1_000, 700, 250, 7]) {
      const found = new Map<string, number>();
      for (let after: string | undefined; ; ) {
        const { users, next } = await one.room(room, limit, after);
        expect(users.length).toBeLessThanOrEqual(limit);
        expect(users.length > 0 || next === undefined).toBe(true);
        for (const { uid, devices } of users) {
          expect(found.has(uid)).toBe(false);
          found.set(uid, devices);
        }
        if (next === undefined) break;
        after = next;
      }
      expect([...found.keys()].sort()).toEqual([...uids].sort());
      expect([found.get('u3 ä'), found.get('u4 ä')]).toEqual([2, 1]);
    }
    await expect(one.room(room, 10, '\0')).rejects.toMatchObject({ code: 'bad_argument' });
    await expect(one.room(room, 0)).rejects.toMatchObject({ code: 'bad_argument' });
  });

  test('a node that is started again begins anew: of its earlier life nothing is left after the lease', async () => {
    const [before, after] = [(await open()).presence, (await open()).presence];
    const [node, uid, room] = [fresh('node'), fresh('uid'), fresh('room')];
    await expect(before.enter(node, { uid, socket: 's', since: 1 })).rejects.toMatchObject({ code: 'no_lease' });
    expect(await before.leave(node, 's')).toBeUndefined();
    await before.beat(node, 800);
    await before.enter(node, { uid, socket: 's', since: 1 });
    await before.joinRoom(node, room, uid, 's');
    expect(await after.beat(node, lease)).toBe('begun');
    await after.enter(node, { uid, socket: 's', since: 2 });
    await until(
      () => after.user(uid),
      ({ devices }) => devices === 1,
    );
    expect(await after.sweep()).toEqual({ users: [], rooms: [{ room, uid, emptied: true }] });
    expect(await after.user(uid)).toMatchObject({ devices: 1, since: 2, nodes: [node] });
  });

  test('names may be as long as is allowed', async () => {
    const { presence } = await open();
    const [node, room, uid, socket] = ['n', 'r', 'u', 's'].map((name) => fresh(name).padEnd(400, '}')) as [
      string,
      string,
      string,
      string,
    ];
    await presence.beat(node, lease);
    await presence.enter(node, { uid, socket, since: 1 });
    await presence.joinRoom(node, room, uid, socket);
    expect(await presence.room(room, 100)).toEqual({ users: [{ uid, devices: 1 }], next: undefined });
    expect(await presence.leaveRoom(node, room, socket)).toEqual({ uid, last: true, emptied: true });
    expect(await presence.leave(node, socket)).toEqual({ uid, last: true });
  });

  test('counts what live nodes hold', async () => {
    const { presence } = await open();
    const before = await presence.counts();
    const node = fresh('node');
    await presence.beat(node, lease);
    await presence.enter(node, { uid: 'u', socket: 's1', since: 1 });
    await presence.enter(node, { uid: 'u', socket: 's2', since: 1 });
    for (const room of ['x', 'y', 'z']) await presence.joinRoom(node, room, 'u', 's1');
    const { nodes, sockets, memberships } = await presence.counts();
    expect([nodes - before.nodes, sockets - before.sockets, memberships - before.memberships]).toEqual([1, 2, 3]);
  });

  test('what a node said counts no more after its lease, and one sweeper tells what went', async () => {
    const stores = [(await open()).presence, (await open()).presence];
    const [one, two] = stores as [(typeof stores)[0], (typeof stores)[0]];
    const [dead, live, room] = [fresh('dead'), fresh('live'), fresh('room')];
    const users = Array.from({ length: 30 }, (_, index) => fresh(`uid${index}`));
    const [stays = ''] = users;
    await one.beat(dead, 2_000);
    await two.beat(live, lease);
    // At once: on a busy machine the lease would be over before the last one.
    await Promise.all(
      users.map(async (uid) => {
        await one.enter(dead, { uid, socket: `s-${uid}`, since: 1 });
        await one.joinRoom(dead, room, uid, `s-${uid}`);
      }),
    );
    await two.enter(live, { uid: stays, socket: 't', since: 5 });
    await two.joinRoom(live, room, stays, 't');
    await until(
      () => two.user(users[1] ?? ''),
      ({ devices }) => devices === 0,
    );
    expect(await two.room(room, 100)).toEqual({ users: [{ uid: stays, devices: 1 }], next: undefined });
    expect(await two.user(stays)).toMatchObject({ devices: 1, since: 5, nodes: [live] });
    const swept = await Promise.all([one.sweep(), two.sweep(), one.sweep(), two.sweep()]);
    const offline = swept.flatMap((each) => each.users.map(({ uid }) => uid)).filter((uid) => users.includes(uid));
    const left = swept.flatMap((each) => each.rooms.filter((entry) => entry.room === room).map(({ uid }) => uid));
    const gone = users.slice(1).sort();
    expect([offline.sort(), left.sort()]).toEqual([gone, gone]);
    expect((await two.user(users[1] ?? '')).lastSeen).toBeGreaterThan(0);
    expect(await one.sweep()).toEqual({ users: [], rooms: [] });
    // The node was only slow: it learns that it has to say all of it again.
    await expect(one.joinRoom(dead, room, 'u', 's')).rejects.toMatchObject({ name: 'StoreError', code: 'no_lease' });
    expect(await one.beat(dead, lease)).toBe('begun');
    expect(await one.enter(dead, { uid: gone[0] ?? '', socket: 'again', since: 9 })).toEqual({ first: true });
  });
});
