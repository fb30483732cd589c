import { failed, success } from '@gopush/contract';
import { expect, test, vi } from 'vitest';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { createCloseListeners } from '../../src/connection/close.ts';
import { Session, type SessionContext } from '../../src/session/session.ts';
import { FakeSocket } from '../session/fake-socket.ts';

/** A session whose connection ends. */
function start({ protocol = 4, isOurs = true, hook = true } = {}) {
  const socket = Object.assign(new FakeSocket(), { client: { conn: { protocol } } });
  const sessions = {
    scopeOf: () => '',
    isReplaced: () => false,
    delivery: { receivedKeys: { add() {}, remove() {}, of: () => [] }, deliveredKeys: {} },
    streams: { leave() {}, position: () => null },
    presence: { gone: vi.fn(), migrated: vi.fn() },
    inbox: {},
  } as unknown as SessionContext;
  const session = new Session(socket.asSocket, { uid: 'ann', product: 'default' } as never, sessions);
  const live = { remove: vi.fn() };
  const keepForRecovery = vi.fn(async () => isOurs);
  const disconnected = vi.fn(async () => success(undefined));
  const work: Promise<void>[] = [];
  const { logger, lines } = createMemoryLog();
  const close = createCloseListeners({
    live: live as never,
    rules: { has: () => hook, disconnected } as never,
    keepForRecovery,
    keep: (one) => void work.push(one),
    log: logger,
  });
  const end = async (reason: string): Promise<void> => {
    close.disconnecting.call(socket.asSocket, reason);
    close.disconnect.call(socket.asSocket, reason);
    await Promise.all(work);
  };
  return { session, end, live, keepForRecovery, disconnected, lines };
}

test.each([
  ['transport close', 1],
  ['ping timeout', 1],
  ['server shutting down', 1],
  ['client namespace disconnect', 0],
  ['server namespace disconnect', 0],
])('a session that ends by %s is stored for recovery %s times, and the hook is told', async (reason, times) => {
  const { end, live, keepForRecovery, disconnected } = start();
  await end(reason);
  expect(keepForRecovery).toHaveBeenCalledTimes(times);
  expect(disconnected).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ uid: 'ann' }), reason);
  expect(live.remove).toHaveBeenCalledOnce();
});

test('a client of Socket.IO 2 cannot recover its session', async () => {
  const { end, keepForRecovery } = start({ protocol: 3 });
  await end('transport close');
  expect(keepForRecovery).not.toHaveBeenCalled();
});

test('the hook is not told of a session that another node has: found out at its end, or before', async () => {
  const lost = start({ isOurs: false });
  await lost.end('transport close');
  const migrated = start();
  migrated.session.end('migrated');
  await migrated.end('transport close');
  expect([lost.disconnected, migrated.disconnected].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  expect(migrated.keepForRecovery).not.toHaveBeenCalled();
});

test('a hook that fails at the end of a session is logged', async () => {
  const { end, disconnected, lines } = start();
  disconnected.mockResolvedValueOnce(failed('server_hook_threw') as never);
  await end('client namespace disconnect');
  expect(lines).toMatchObject([{ level: 'error', fields: { code: 'server_hook_threw' } }]);
});
