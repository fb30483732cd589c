import type { Server } from 'node:net';
import { chosenPong, clientStoppedPong } from '@gopush/contract';
import type { TakenConnection } from '@gopush/hand-off';
import { expect, test } from 'vitest';
import { joinServer } from '../../../src/hand-off/joined-connection.ts';
import type { FollowedConnection } from '../../../src/migration/follow/followed-connection.ts';
import { FollowedConnections } from '../../../src/migration/follow/followed-connections.ts';
import { addSocket, connect, engineConnection, type FakeConnection } from '../../support/fake-connection.ts';

/** Connections whose copies are a list of what was done with them. */
function start({ isOurs = true, kept = Promise.resolve(true) } = {}) {
  const done: string[] = [];
  const stopped: FollowedConnection[] = [];
  const ended: string[] = [];
  /** That of all sockets. */
  const owner: { conn?: object } = {};
  const all = new FollowedConnections({
    copies: {
      save: async () => void done.push('save'),
      saveAgain: async () => {
        done.push('save again');
        return isOurs;
      },
      remove: (token) => done.push(`remove ${token}`),
      removeLater: (token) => done.push(`remove later ${token}`),
    },
    lost: { kept: () => kept },
    sessions: { get: (id) => ({ socket: owner, end: (how: string) => ended.push(`${id} ${how}`) }) as never },
    onStopped: (followed) => stopped.push(followed),
  });
  const { follow } = all;
  all.follow = (conn, ...rest) => {
    owner.conn = conn;
    return follow.call(all, conn, ...rest);
  };
  return { all, done, stopped, ended, owner };
}
const taken = { uid: 'ann', usedToken: 'old' };

test('a session that begins here is this node’s, and its copy is removed some time after its connection has closed', async () => {
  const { all, done } = start();
  const { fake, client } = connect();
  const followed = all.follow(engineConnection(fake), 'token');
  expect([followed.isOwn, all.size, all.get(fake), all.whyNot(engineConnection(fake))]).toEqual([
    true,
    1,
    followed,
    undefined,
  ]);
  fake.emit('packet');
  fake.webSocket.pong(chosenPong);
  expect(done).toEqual([]);
  fake.close();
  expect([all.size, all.followedEver, client.hasMigrated]).toEqual([0, 1, false]);
  await new Promise(setImmediate);
  expect(done).toEqual(['remove later token']);
});

test('a session that was taken is claimed when its client is heard, or its agent says that it continues here, once', () => {
  for (const hear of ['packet', 'pong']) {
    const { all, done } = start();
    const { fake } = connect();
    const followed = all.follow(engineConnection(fake), 'next', taken);
    expect([followed.isOwn, followed.uid]).toEqual([false, 'ann']);
    for (let times = 0; times < 2; times++) {
      if (hear === 'packet') fake.emit('packet');
      else fake.webSocket.pong(chosenPong);
    }
    expect(followed.isOwn).toBe(true);
    // By the save.
    expect([done, followed.usedToken]).toEqual([['save'], 'old']);
  }
});

/** Has a connection be one that an agent hands over. */
function handOver({ webSocket: { _socket: socket } }: FakeConnection): { isAccepted: boolean } {
  const connection = { socket, isAccepted: false, isShared: true, user: undefined };
  const address = { address: '127.0.0.1', family: 'IPv4', port: 1 };
  joinServer(connection as unknown as TakenConnection, {} as Server, address);
  return connection;
}

test.each([
  ['transport close', 'remove later'],
  ['forced close', 'remove'],
])(
  'a session whose agent has handed its client over is this node’s before it is stored: after %s it is nowhere',
  async (reason, how) => {
    const { all, done, ended } = start();
    const { fake, client } = connect();
    const connection = handOver(fake);
    const followed = all.follow(engineConnection(fake), 'next', { ...taken, isTriedLater: true });
    addSocket(client, 'a');
    expect(followed.isOwn).toBe(false);
    connection.isAccepted = true;
    expect([followed.isOwn, followed.isClaimed]).toEqual([true, false]);
    fake.close(reason);
    await new Promise(setImmediate);
    expect(done).toEqual([`${how} next`, `${how} old`]);
    expect([ended, client.hasMigrated]).toEqual([[], false]);
  },
);

test('one that is tried later is stored when its client is heard after that', () => {
  const { all, done } = start();
  const { fake } = connect();
  handOver(fake).isAccepted = true;
  all.follow(engineConnection(fake), 'next', { ...taken, isTriedLater: true });
  fake.emit('packet');
  expect(done).toEqual([]);
  all.tryOut(engineConnection(fake));
  for (let times = 0; times < 2; times++) fake.emit('packet');
  expect(done).toEqual(['save']);
});

test('what a change of rooms has stored before a session was in all its rooms again is stored again then', () => {
  const { all } = start();
  const follow = () => all.follow(engineConnection(connect().fake), 'next', { ...taken, isTriedLater: true });
  const [none, saving, saved, claimed] = [follow(), follow(), follow(), follow()];
  saving.saving = Promise.resolve();
  saved.usedToken = undefined;
  all.claim(claimed);
  expect([none, saving, saved, claimed].map((one) => one.isStoredLater)).toEqual([true, false, false, false]);
});

test('a session that was only tried here ends as if it had never been here', async () => {
  const { all, done, ended } = start();
  const { fake, client } = connect();
  all.follow(engineConnection(fake), 'next', taken);
  addSocket(client, 'a');
  fake.close();
  await new Promise(setImmediate);
  expect(client.hasMigrated).toBe(true);
  expect(ended).toEqual(['a not taken']);
  // Nobody else knows this token.
  expect(done).toEqual(['remove later next']);
});

test('a session that was tried here under the token with which it came keeps its copy: it may run elsewhere', async () => {
  const { all, done } = start();
  const { fake } = connect();
  all.follow(engineConnection(fake), 'old', { uid: 'ann', usedToken: undefined });
  fake.close();
  await new Promise(setImmediate);
  expect(done).toEqual([]);
});

test('a session that was given keeps its copy', async () => {
  const { all, done } = start();
  const { fake } = connect();
  all.follow(engineConnection(fake), 'token').isGone = true;
  fake.close();
  await new Promise(setImmediate);
  expect(done).toEqual([]);
});

test('the copy of a session is not removed before the session is kept for its client', async () => {
  let keep = (_areKept: boolean): void => {};
  const kept = new Promise<boolean>((resolve) => {
    keep = resolve;
  });
  const { all, done } = start({ kept });
  const { fake } = connect();
  all.follow(engineConnection(fake), 'token');
  fake.close();
  await new Promise(setImmediate);
  expect(done).toEqual([]);
  keep(true);
  await new Promise(setImmediate);
  expect(done).toEqual(['remove later token']);
});

test('a session that the store did not take at its end leaves its copy, from which its client continues', async () => {
  const { all, done } = start({ kept: Promise.resolve(false) });
  const { fake } = connect();
  all.follow(engineConnection(fake), 'token');
  fake.close();
  await new Promise(setImmediate);
  expect(done).toEqual([]);
});

test.each(['forced close', 'parse error'])(
  'after %s, by which this node ended it, no other node continues it',
  async (reason) => {
    const { all, done } = start();
    const { fake } = connect();
    all.follow(engineConnection(fake), 'token');
    fake.close(reason);
    await new Promise(setImmediate);
    expect(done).toEqual(['remove token']);
  },
);

test('a session is saved again, and closed where it runs elsewhere by now', async () => {
  const here = start();
  const one = connect();
  await here.all.refresh(here.all.follow(engineConnection(one.fake), 'token'));
  expect([here.done, one.fake.readyState]).toEqual([['save again'], 'open']);

  const elsewhere = start({ isOurs: false });
  const { fake, client } = connect();
  const followed = elsewhere.all.follow(engineConnection(fake), 'token');
  addSocket(client, 'a');
  await elsewhere.all.refresh(followed);
  expect([followed.isGone, client.hasMigrated, fake.readyState]).toEqual([true, true, 'closed']);
  expect([elsewhere.ended, elsewhere.done]).toEqual([['a not taken'], ['save again']]);
});

test('the pong that a client has stopped is passed on, and others are not', () => {
  const { all, stopped } = start();
  const { fake } = connect();
  const followed = all.follow(engineConnection(fake), 'token');
  fake.webSocket.pong('something else');
  expect(stopped).toEqual([]);
  fake.webSocket.pong(clientStoppedPong);
  expect(stopped).toEqual([followed]);
});

test('a client that enters a namespace waits until that is saved', async () => {
  const { all, done } = start();
  const { fake, client } = connect();
  all.follow(engineConnection(fake), 'token');
  await client.onNamespaces?.(client);
  expect(done).toEqual(['save']);
  fake.close();
  await client.onNamespaces?.(client);
  expect(done).toEqual(['save', 'remove later token']);
});

test('why a session cannot migrate', () => {
  const { all } = start();
  const { fake } = connect();
  const conn = engineConnection(fake);
  expect(all.whyNot(conn)).toBe('no agent');
  all.follow(conn, 'token');
  fake.webSocket.extensions = 'permessage-deflate';
  expect(all.whyNot(conn)).toBe('compressed');
  fake.transport.name = 'polling';
  expect(all.whyNot(conn)).toBe('polling');
});

test('one whose session comes once more is closed as if it had migrated, and no copy of it is removed', async () => {
  const { all, done, ended } = start();
  const { fake, client } = connect();
  addSocket(client, 'socket');
  const followed = all.follow(engineConnection(fake), 'token');
  all.replace(fake);
  expect([all.size, fake.readyState, followed.isGone, client.hasMigrated, ended]).toEqual([
    0,
    'closed',
    true,
    true,
    ['socket migrated'],
  ]);
  await new Promise(setImmediate);
  expect(done).toEqual([]);
});

test('one whose session was given is not ended again, and the connection of a client that was handed over is left before', () => {
  const { all, ended } = start();
  const { fake, client } = connect();
  addSocket(client, 'socket');
  const order: string[] = [];
  Object.assign(fake.webSocket._socket, { destroy: () => order.push('left') });
  handOver(fake);
  all.follow(engineConnection(fake), 'token').isGone = true;
  fake.on('close', () => order.push('closed'));
  all.replace(fake);
  expect([order, ended]).toEqual([['left', 'closed'], []]);
});

test('one whose session has come once more, on another connection, does not end that', () => {
  const { all, ended, owner } = start();
  const { fake, client } = connect();
  addSocket(client, 'socket');
  all.follow(engineConnection(fake), 'next', taken);
  owner.conn = {};
  fake.close();
  expect([ended, client.hasMigrated]).toEqual([[], true]);
});
