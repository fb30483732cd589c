import { expect, test } from 'vitest';
import type { Ended } from '../../../src/migration/follow/describe-connection.ts';
import type { MigratableSession } from '../../../src/migration/follow/migratable-session.ts';
import { createMigrationCounts } from '../../../src/migration/follow/migration-counts.ts';
import { endSession } from '../../../src/migration/give/end-session.ts';
import { decodeSession } from '../../../src/stored-session/session-record.ts';
import { follow } from '../../support/fake-connection.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { sessionOf, socketOf } from '../../support/stored-session.ts';

function start() {
  const store = new MemoryStore();
  const removed: string[] = [];
  const warnings: string[] = [];
  const done: string[] = [];
  const counts = createMigrationCounts();
  const session = {
    end() {
      done.push('end');
      return new Map();
    },
    describe() {
      done.push('describe');
      return socketOf({ inboxAfter: 7 });
    },
  } as unknown as MigratableSession;
  const context = {
    store,
    keepMs: 1_000,
    copies: { remove: (token: string) => void removed.push(token) },
    describe: (_: unknown, ended: Ended) => sessionOf({ sockets: [...ended.values()] }),
    counts,
    log: { warn: (_: unknown, text: string) => warnings.push(text) } as never,
  };
  return { store, removed, warnings, done, counts, session, context, ...follow(['a']) };
}

test('a session is ended, and saved with what it stood at then', async () => {
  const { followed, client, fake, session, context, store, done, counts } = start();
  fake.webSocket.on('message', () => done.push('message'));
  expect(await endSession(followed, [session], context)).toBe(true);
  expect(done).toEqual(['end', 'describe']);
  expect([followed.isGone, client.hasMigrated, counts.given]).toEqual([true, true, 1]);
  expect(decodeSession(store.kept.get('t:token') as Buffer)?.sockets[0]?.inboxAfter).toBe(7);
  // A client that could not be stopped is not heard any more.
  fake.webSocket.emit('message');
  expect(done).toEqual(['end', 'describe']);
});

test('a save that is under way ends first, so that it does not overwrite the last one', async () => {
  const { followed, session, context, done } = start();
  let end = (): void => {};
  followed.saving = new Promise<void>((resolve) => {
    end = resolve;
  });
  const ending = endSession(followed, [session], context);
  await new Promise(setImmediate);
  expect([followed.isGone, done]).toEqual([true, []]);
  end();
  expect(await ending).toBe(true);
});

test('a client that has gone is not given; one that goes meanwhile has ended like any other', async () => {
  const gone = start();
  gone.fake.readyState = 'closed';
  expect(await endSession(gone.followed, [gone.session], gone.context)).toBe(false);
  expect([gone.followed.isGone, gone.removed]).toEqual([false, []]);

  const going = start();
  going.followed.saving = Promise.resolve().then(() => {
    going.fake.readyState = 'closed';
  });
  expect(await endSession(going.followed, [going.session], going.context)).toBe(false);
  expect([going.removed, going.done, going.store.writes]).toEqual([['token'], [], 0]);
});

test('where the store is away the session continues from its last copy, and that is counted', async () => {
  const { followed, session, context, store, counts, warnings } = start();
  store.fails = true;
  expect(await endSession(followed, [session], context)).toBe(true);
  expect([counts.given, counts.failed['not kept'], warnings.length]).toEqual([0, 1, 1]);
});
