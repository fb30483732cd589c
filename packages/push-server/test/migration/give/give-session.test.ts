import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { stopClientPing } from '@gopush/contract';
import { expect, test } from 'vitest';
import type { FollowedConnection } from '../../../src/migration/follow/followed-connection.ts';
import type { MigratableSession } from '../../../src/migration/follow/migratable-session.ts';
import { createMigrationCounts } from '../../../src/migration/follow/migration-counts.ts';
import { type GiveContext, giveSession } from '../../../src/migration/give/give-session.ts';
import { PendingTakes } from '../../../src/migration/give/pending-takes.ts';
import { RunningWork } from '../../../src/migration/give/running-work.ts';
import { Slots } from '../../../src/migration/give/slots.ts';
import { StoppedAhead } from '../../../src/migration/give/stopped-ahead.ts';
import { follow } from '../../support/fake-connection.ts';

const session = { socket: { id: 'a' } } as MigratableSession;

/** That of a connection between two messages. */
const receiver = {
  ...{ _state: 0, _opcode: 0, _fragmented: 0, _payloadLength: 0, _bufferedBytes: 0 },
  ...{ _fragments: [], _buffers: [] },
};

function start(parts: Partial<GiveContext> = {}) {
  const ended: (readonly MigratableSession[])[] = [];
  const counts = createMigrationCounts();
  const work = new RunningWork({ error: () => {} } as never);
  const context: GiveContext = {
    sessions: { get: () => session },
    slots: new Slots(() => 1),
    ahead: new StoppedAhead(() => 1_000),
    takes: new PendingTakes(
      () => {},
      () => 1_000,
    ),
    work,
    deadline: { spareMs: 0 },
    answerMs: 20,
    counts,
    shareMs: () => 20,
    end: async (_, sessions) => ended.push(sessions) > 0,
    ...parts,
  };
  return { context, work, counts, ended, ...follow(['a']) };
}
const by = (ms: number) => {
  const at = performance.now() + ms;
  return () => at;
};
/** What a stopped client is like. */
function stop(followed: FollowedConnection): FollowedConnection {
  followed.tellStopped();
  return followed;
}

test('a session is ended, then its stream, once all that was written to it has left', async () => {
  const { context, work, ended, fake, followed } = start();
  fake.writeBuffer = ['packet'];
  const giving = giveSession(stop(followed), { by: by(5_000), isStopped: true }, context);
  await new Promise(setImmediate);
  expect([followed.stage, ended, fake.webSocket.hasEnded]).toEqual(['leaves', [[session]], false]);
  fake.writeBuffer = [];
  await giving;
  // It has ended in the slot, or ends in no slot.
  while (work.count > 0) await new Promise(setImmediate);
  expect(fake.webSocket.hasEnded).toBe(true);
});

test('a client that cannot be stopped is counted with the reason', async () => {
  const silent = start();
  await giveSession(silent.followed, { by: by(5_000), isStopped: false }, silent.context);
  expect(silent.counts.notStopped).toEqual({ silent: 1, 'mid-event': 0 });
  const midway = start();
  midway.fake.webSocket._receiver._bufferedBytes = 3;
  await giveSession(midway.followed, { by: by(5_000), isStopped: false }, midway.context);
  expect(midway.counts.notStopped).toEqual({ silent: 0, 'mid-event': 1 });
});

test('handlers may ack what the client has asked, for some time', async () => {
  const { context, counts, client, followed } = start();
  const asked: number[] = [];
  Object.assign(client, {
    whenAcked: async (ms: number) => {
      asked.push(ms);
      await pause(ms);
      return 2;
    },
  });
  await giveSession(stop(followed), { by: by(5_000), isStopped: true }, context);
  expect(counts.unanswered).toBe(2);
  expect(asked[0]).toBeGreaterThan(0);
  expect(asked[0]).toBeLessThanOrEqual(20);
});

test('handlers may ack for as long as the end of the drain is put off meanwhile', async () => {
  const { context, counts, client, followed } = start({ answerMs: 5_000 });
  let until = performance.now() + 20;
  let owed = 2;
  Object.assign(client, {
    async whenAcked(ms: number) {
      await pause(ms);
      // Another session has left.
      if (until < performance.now() + 1_000) until += 2_000;
      return owed-- > 1 ? 1 : 0;
    },
  });
  await giveSession(stop(followed), { by: () => until, isStopped: true }, context);
  expect(counts.unanswered).toBe(0);
});

test('a client whose agent is about to start it again is stopped once more, before its session ends', async () => {
  const { context, ended, fake, followed } = start();
  const pings: unknown[] = [];
  Object.assign(fake.webSocket, {
    ping(payload: string) {
      pings.push([payload, ended.length]);
      followed.tellStopped();
    },
  });
  await giveSession(followed, { by: by(5_000), isStopped: true }, context);
  expect(pings).toEqual([[stopClientPing, 0]]);
  expect(ended.length).toBe(1);
});

test('where time is over a client is given although it may start again', async () => {
  const { context, ended, fake, followed } = start();
  await giveSession(followed, { by: by(-1), isStopped: true }, context);
  expect([ended.length, fake.webSocket.pings]).toEqual([1, []]);
});

test('the stream of a client that has gone is left alone', async () => {
  const { context, work, fake, followed } = start({ end: async () => false });
  await giveSession(stop(followed), { by: by(5_000), isStopped: true }, context);
  expect([fake.webSocket.hasEnded, work.count]).toEqual([false, 0]);
});

test('the slot is free once another node has taken the session', async () => {
  let take = (): void => {};
  const taken = new Promise<void>((resolve) => {
    take = resolve;
  });
  const asked: unknown[] = [];
  const whenTaken = (...how: unknown[]): Promise<void> => {
    asked.push(...how);
    return taken;
  };
  const { context, followed, fake } = start({ takes: { whenTaken }, slots: new Slots(() => 1) });
  const giving = giveSession(stop(followed), { by: by(60_000), isStopped: true }, context);
  while (!fake.webSocket.hasEnded) await new Promise(setImmediate);
  let isFree = false;
  const other = context.slots.take('begins', async () => {
    isFree = true;
  });
  await new Promise(setImmediate);
  expect([isFree, asked]).toEqual([false, ['a', 20]]);
  take();
  await Promise.all([giving, other]);
  expect(isFree).toBe(true);
});

test('the slot is not free while the agent has not taken the connection back, however long that takes', async () => {
  let keep = (_isKept: boolean): void => {};
  const left = new Promise<boolean>((resolve) => {
    keep = resolve;
  });
  let take = (): void => {};
  const taken = new Promise<void>((resolve) => {
    take = resolve;
  });
  const { context, followed, fake } = start({ takes: { whenTaken: () => taken } });
  const socket = Object.assign(new Socket(), { user: undefined });
  Object.assign(followed, { taken: { socket, leave: () => left } });
  Object.assign(fake.webSocket, { pause() {}, _receiver: receiver });
  const giving = giveSession(stop(followed), { by: by(60_000), isStopped: true }, context);
  // Longer than a connection may take what was written to it.
  await pause(60);
  expect(context.slots.isFull).toBe(true);
  keep(true);
  await new Promise(setImmediate);
  expect(context.slots.isFull).toBe(true);
  take();
  await giving;
  expect(context.slots.isFull).toBe(false);
});

test('a connection that cannot be given back occupies no slot: no other node takes its session', async () => {
  const { context, followed, fake } = start({ takes: { whenTaken: () => new Promise(() => {}) } });
  Object.assign(fake.webSocket, { pause() {}, _receiver: receiver });
  Object.assign(followed, { taken: { socket: new Socket(), leave: async () => false } });
  await giveSession(stop(followed), { by: by(60_000), isStopped: true }, context);
  expect(context.slots.isFull).toBe(false);
});
