import { Server } from 'socket.io';
import { expect, test } from 'vitest';
import { Recovery, type RecoveryOptions } from '../../src/recovery/recovery.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { sessionOf, socketOf } from '../support/stored-session.ts';

test('sessions that end at once are stored a few at a time, so that none runs out of time behind the others', async () => {
  const store = new MemoryStore();
  const save = store.save.bind(store);
  let [busy, most] = [0, 0];
  store.save = async (...args) => {
    most = Math.max(most, ++busy);
    await new Promise(setImmediate);
    await save(...args);
    busy--;
  };
  const options = { io: new Server(), store, keepMs: 1_000, emittedEvents: { open() {} } };
  const recovery = new Recovery(options as unknown as RecoveryOptions);
  const pids = Array.from({ length: 1_000 }, (_, index) => `pid-${index}`);
  await Promise.all(pids.map((pid) => recovery.persist(sessionOf({ sockets: [socketOf({ pid })] }), undefined)));
  expect([store.kept.size, most]).toEqual([1_000, 256]);
});
