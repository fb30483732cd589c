import { Socket } from 'node:net';
import { clientStoppedPong, stopClientPing } from '@gopush/contract';
import { expect, test } from 'vitest';
import { FollowedConnections } from '../../../src/migration/follow/followed-connections.ts';
import type { MigratableSession } from '../../../src/migration/follow/migratable-session.ts';
import { createMigrationCounts } from '../../../src/migration/follow/migration-counts.ts';
import { GiveSessions } from '../../../src/migration/give/give-sessions.ts';
import { addSocket, connect, engineConnection } from '../../support/fake-connection.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { sessionOf, socketOf } from '../../support/stored-session.ts';

/** A node whose connections are added with what their agents do when they are asked to stop their clients. */
function start({ maxDrainMs = 60_000, answerMs = 20 } = {}) {
  const store = new MemoryStore();
  const counts = createMigrationCounts();
  const warnings: [unknown, string][] = [];
  const log = { warn: (parts: unknown, text: string) => warnings.push([parts, text]), error() {} } as never;
  const session = (id: string): MigratableSession =>
    ({ socket: { id }, isBeginning: false, end: () => new Map(), describe: () => socketOf({ id }) }) as never;
  const sessions = { get: (id: string) => (id === 'none' ? undefined : session(id)) };
  const copies = {
    save: async () => {},
    saveAgain: async () => true,
    remove() {},
    removeLater() {},
  };
  const followed = new FollowedConnections({
    copies,
    lost: { kept: async () => true },
    sessions,
    onStopped: (one) => give.stopped(one),
  });
  const arrivals = { size: 0 };
  const give: GiveSessions = new GiveSessions({
    store,
    sessions,
    followed,
    arrivals,
    copies,
    describe: (one) => sessionOf({ engineId: one.conn.id }),
    keepMs: 1_000,
    answerMs,
    maxDrainMs,
    counts,
    log,
  });
  const add = (id: string, onStop: (stop: () => void) => void = (stop) => stop()) => {
    const { fake, client } = connect(id);
    addSocket(client, id);
    const one = followed.follow(engineConnection(fake), id);
    const stop = (): void => fake.webSocket.pong(clientStoppedPong);
    fake.webSocket.ping = (payload) => {
      fake.webSocket.pings.push(payload);
      onStop(stop);
    };
    return { fake, client, one, stop };
  };
  return { store, counts, warnings, followed, arrivals, give, add };
}

test('a drain asks agents to stop their clients, and gives each session once its client has stopped', async () => {
  const { give, add, counts, store, warnings } = start();
  const all = ['a', 'b', 'c'].map((id) => add(id));
  await give.drain(5_000, false);
  expect(all.map(({ fake }) => [fake.webSocket.pings, fake.webSocket.hasEnded])).toEqual(
    all.map(() => [[stopClientPing], true]),
  );
  expect([counts.given, [...store.kept.keys()].sort(), warnings]).toEqual([3, ['t:a', 't:b', 't:c'], []]);
});

/** A store that takes a while for each session, one after the other. */
function slowStore(store: MemoryStore, ms: number): void {
  const save = store.save.bind(store);
  let last = Promise.resolve();
  store.save = (...args) => {
    last = last.then(() => new Promise((resolve) => setTimeout(resolve, ms)));
    return last.then(() => save(...args));
  };
}

test('a drain goes on while sessions leave, and all do', async () => {
  const { give, add, counts, store, warnings } = start();
  for (let index = 0; index < 60; index++) add(`s${index}`);
  slowStore(store, 20);
  const since = performance.now();
  await give.drain(400, false);
  expect(performance.now() - since).toBeGreaterThan(800);
  expect([counts.given, counts.failed['too late'], warnings]).toEqual([60, 0, []]);
});

test('a drain ends after its longest time although sessions leave, and those that are left are counted', async () => {
  const { give, add, counts, store, warnings } = start({ maxDrainMs: 600 });
  for (let index = 0; index < 200; index++) add(`s${index}`);
  slowStore(store, 20);
  const since = performance.now();
  await give.drain(400, true);
  // To give all of them takes 4 s.
  expect(performance.now() - since).toBeLessThan(3_500);
  expect(counts.failed['too late']).toBeGreaterThan(20);
  expect(warnings.length).toBe(1);
});

test('a client that does not stop leaves after the time of a drain, although others leave all the while', async () => {
  const { give, add, counts, store } = start();
  const stuck = add('stuck', () => {});
  for (let index = 0; index < 60; index++) add(`s${index}`);
  slowStore(store, 20);
  const draining = give.drain(400, false);
  while (!stuck.one.isGone) await new Promise(setImmediate);
  expect(counts.given).toBeLessThan(55);
  await draining;
  expect([counts.given, counts.notStopped.silent]).toEqual([61, 1]);
});

test('a session whose agent wants it elsewhere is given without a drain', async () => {
  const { add, counts } = start();
  const { stop, fake } = add('a');
  stop();
  // Once more, as agents do that are asked again.
  stop();
  while (!fake.webSocket.hasEnded) await new Promise(setImmediate);
  expect([counts.given, fake.webSocket.pings]).toEqual([1, []]);
});

test('at a stop a client that does not stop is given last all the same; at a drain of a node that goes on it stays', async () => {
  const stopping = start();
  const one = stopping.add('a', () => {});
  await stopping.give.drain(800, false);
  expect([stopping.counts.given, stopping.counts.notStopped.silent, one.fake.webSocket.hasEnded]).toEqual([1, 1, true]);
  expect(stopping.warnings.map(([parts]) => parts)).toEqual([{ sessions: 1 }]);

  const staying = start();
  const other = staying.add('a', () => {});
  await staying.give.drain(800, true);
  expect([staying.counts.given, staying.counts.failed.silent, other.one.stage]).toEqual([0, 1, 'stays']);
  expect(other.fake.webSocket.hasEnded).toBe(false);
});

test('a session that is only tried here is not given where its client does not stop', async () => {
  const { give, followed, counts } = start();
  const { fake, client } = connect('a');
  addSocket(client, 'a');
  followed.follow(engineConnection(fake), 'a', { uid: 'ann', usedToken: 'old' });
  await give.drain(800, false);
  expect([counts.given, counts.failed.silent]).toEqual([0, 1]);
});

test('a session that arrives during a drain is given as well', async () => {
  const { give, add, arrivals, counts } = start();
  arrivals.size = 1;
  const draining = give.drain(5_000, false);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { fake } = add('late');
  arrivals.size = 0;
  await draining;
  expect([counts.given, fake.webSocket.hasEnded]).toEqual([1, true]);
});

test('a session that cannot migrate stays', async () => {
  const { give, add, counts } = start();
  const { fake } = add('a');
  fake.webSocket.extensions = 'permessage-deflate';
  await give.drain(800, false);
  expect([counts.given, fake.webSocket.pings]).toEqual([0, []]);
});

test('a client is not stopped before it has acked what handlers asked it, for some of the time', async () => {
  const { give, add, counts } = start();
  const { client, fake } = add('a');
  let pending = 1;
  Object.defineProperty(client, 'pendingAcks', { get: () => pending });
  const draining = give.drain(5_000, false);
  await new Promise(setImmediate);
  expect(fake.webSocket.pings).toEqual([]);
  pending = 0;
  await draining;
  expect(counts.given).toBe(1);
});

test('a client that is not admitted in time is counted', async () => {
  const { give, followed, counts } = start();
  const { fake } = connect('a');
  followed.follow(engineConnection(fake), 'a');
  await give.drain(400, false);
  expect([counts.given, counts.failed['not admitted']]).toEqual([0, 1]);
});

test('clients are stopped shortly before their sessions are given, not all at once', async () => {
  const { give, add, counts, store } = start();
  let stopped = 0;
  let most = 0;
  for (let index = 0; index < 60; index++) {
    const { client } = add(`s${index}`, (stop) => {
      most = Math.max(most, ++stopped);
      stop();
    });
    // A handler takes a while to ack.
    Object.assign(client, {
      async whenAcked() {
        await new Promise((resolve) => setTimeout(resolve, 10));
        return 0;
      },
    });
  }
  slowStore(store, 10);
  const save = store.save.bind(store);
  store.save = async (...args) => {
    await save(...args);
    stopped--;
  };
  await give.drain(5_000, false);
  expect(counts.given).toBe(60);
  // Eight are being given.
  expect(most).toBeLessThan(30);
});

test('sessions whose handlers take long to ack hold up no others', async () => {
  const { give, add, counts } = start({ answerMs: 3_000 });
  for (let index = 0; index < 20; index++) {
    const { client } = add(`slow${index}`);
    Object.assign(client, {
      async whenAcked(ms: number) {
        await new Promise((resolve) => setTimeout(resolve, ms));
        return 1;
      },
    });
  }
  for (let index = 0; index < 20; index++) add(`s${index}`);
  const draining = give.drain(20_000, false);
  while (counts.given < 20) await new Promise(setImmediate);
  expect(counts.unanswered).toBe(0);
  await draining;
  expect([counts.given, counts.unanswered]).toEqual([40, 20]);
});

test('neither are all clients that an agent wants elsewhere stopped at once', async () => {
  const { give, add, counts, store } = start();
  slowStore(store, 10);
  const stopped = new Set<string>();
  let most = 0;
  for (let index = 0; index < 40; index++) {
    const id = `s${index}`;
    const { fake, client, one } = add(id);
    const socket = Object.assign(new Socket(), { user: undefined });
    Object.assign(one, { taken: { socket, isAccepted: true, isShared: true, leave: async () => true } });
    Object.assign(client, {
      async whenAcked() {
        await new Promise((resolve) => setTimeout(resolve, 10));
        return 0;
      },
    });
    Object.assign(fake.webSocket, {
      pause() {
        if (!one.isGone) stopped.add(id);
        most = Math.max(most, stopped.size - counts.given);
      },
    });
    give.wanted(one);
  }
  while (counts.given < 40) await new Promise(setImmediate);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThan(30);
});
