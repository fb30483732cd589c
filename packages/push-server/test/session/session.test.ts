import { expect, test } from 'vitest';
import type { Restored } from '../../src/session/restored.ts';
import { Session, type SessionContext } from '../../src/session/session.ts';
import { FakeSocket } from './fake-socket.ts';

/** A session that is being prepared, and what that has asked for; the test decides when others can see it here. */
function start(restored?: Restored) {
  const calls: string[] = [];
  let show = (): void => {};
  const context = {
    scopeOf: () => '',
    connectionOf: () => ({ asksForPositions: false }),
    leftRoom() {},
    isReplaced: () => false,
    delivery: { receivedKeys: { add() {} } },
    presence: {
      entered: () =>
        new Promise<void>((resolve) => {
          calls.push('enter');
          show = resolve;
        }),
    },
    streams: { open: async (room: string) => void calls.push(`read ${room}`) },
    inbox: {},
  } as unknown as SessionContext;
  const session = new Session(
    new FakeSocket().asSocket,
    { uid: 'ann', product: 'default' } as never,
    context,
    restored,
  );
  return { calls, show: () => show(), prepared: session.prepare() };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what a user is sent while the session comes from another node is not lost: it is read after others send it here', async () => {
  const { calls, show, prepared } = start({ record: { inboxAfter: 0 } } as Restored);
  await settled();
  expect(calls).toEqual(['enter']);
  show();
  await prepared;
  expect(calls).toEqual(['enter', 'read u:ann']);
});

test('a new session, which has missed nothing, does both at the same time', async () => {
  const { calls, show, prepared } = start();
  await settled();
  expect(calls).toEqual(['enter', 'read u:ann']);
  show();
  await prepared;
});
