import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connect, type FakeConnection } from '../../support/fake-connection.ts';
import { sessionOf, socketOf } from '../../support/stored-session.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A connection of which it is seen what is sent by Engine.IO's own packets, and when its queue is written. */
function start() {
  const { fake, client } = connect();
  const sent: string[] = [];
  const flush = vi.fn();
  Object.setPrototypeOf(fake, Object.assign(Object.create(Object.getPrototypeOf(fake) as object), { flush }));
  const connected: unknown[][] = [];
  Object.assign(fake, { sendPacket: (type: string) => sent.push(type) });
  Object.assign(client, { connect: (...args: unknown[]) => connected.push(args) });
  return { fake: fake as FakeConnection, client, sent, flush, connected };
}

test('a session enters its namespaces again behind a noop, while all else waits', async () => {
  const { fake, client, sent, flush, connected } = start();
  const [main, chat] = [socketOf({ auth: { token: 't' } }), socketOf({ namespace: '/chat', pid: 'other' })];
  client.enterAgain(sessionOf({ sockets: [main, chat], answers: 2 }), Promise.resolve(true));
  expect([sent, client.responses, client.hasReturned]).toEqual([['noop'], 2, false]);
  expect(client.returning.map(({ namespace }) => namespace)).toEqual(['/', '/chat']);
  expect([client.hadBefore('socket'), client.hadBefore('other')]).toEqual([true, false]);
  fake.flush();
  expect(flush).not.toHaveBeenCalled();
  await Promise.resolve();
  // A middleware may take longer.
  vi.advanceTimersByTime(500);
  expect(flush).toHaveBeenCalledOnce();
  expect(connected.map(([namespace]) => namespace)).toEqual(['/', '/chat']);
  expect(sent).toEqual(['noop']);
  const auth = connected[0]?.[1] as { readonly pid: string; readonly offset: string };
  // Handlers see what the client sent; Socket.IO finds by what it recovers.
  expect([{ ...auth }, auth.pid, auth.offset]).toEqual([{ token: 't' }, 'pid', '']);
});

test('a client does not continue before its session is stored, and not at all where that fails', async () => {
  const slow = start();
  let save = (_isSaved: boolean): void => {};
  const saved = new Promise<boolean>((resolve) => {
    save = resolve;
  });
  slow.client.enterAgain(sessionOf({ sockets: [] }), saved);
  vi.advanceTimersByTime(2_000);
  expect(slow.flush).not.toHaveBeenCalled();
  save(true);
  await saved;
  expect(slow.flush).toHaveBeenCalledOnce();

  const failed = start();
  failed.client.enterAgain(sessionOf({ sockets: [] }), Promise.resolve(false));
  await Promise.resolve();
  expect([failed.flush.mock.calls.length, failed.fake.webSocket.hasEnded]).toEqual([0, true]);
});

test('the response to a CONNECT that the client has not sent is kept from it, and what waited is handled', async () => {
  const { client, flush } = start();
  const handled: unknown[] = [];
  const waiting = [{ type: 2, nsp: '/', data: ['e'] }];
  client.enterAgain(sessionOf({ sockets: [socketOf({ waiting })] }), Promise.resolve(true));
  Object.assign(client, { ondecoded: (packet: unknown) => handled.push(packet) });
  client._packet({ type: 0, nsp: '/', data: { sid: 'socket' } });
  expect([handled, client.hasReturned]).toEqual([[], false]);
  await new Promise((resolve) => process.nextTick(resolve));
  expect([handled, client.hasReturned, flush.mock.calls.length]).toEqual([waiting, true, 1]);
});

test('a namespace that refuses the client ends for it alone; a session that cannot continue ends its connection', async () => {
  const refused = start();
  const written: unknown[] = [];
  Object.assign(refused.client, { writeToEngine: (packets: unknown) => written.push(packets) });
  refused.client.enterAgain(sessionOf({ sockets: [socketOf({ namespace: '/chat' })] }), Promise.resolve(true));
  refused.client._packet({ type: 4, nsp: '/chat', data: { message: 'no' } });
  expect([written, refused.client.hasReturned, refused.fake.readyState]).toEqual([[['1/chat,']], true, 'open']);

  const lost = start();
  lost.client.enterAgain(sessionOf(), Promise.resolve(true));
  lost.client._packet({ type: 0, nsp: '/', data: { sid: 'another' } });
  await new Promise((resolve) => process.nextTick(resolve));
  expect(lost.fake.readyState).toBe('closed');
});

test('handlers are waited for until they have acked all that the client asked, or for some time', async () => {
  const { client } = start();
  const socket = { id: 'a', nsp: { name: '/' }, acks: new Map(), _onpacket() {} } as never;
  (client.sockets as Map<string, never>).set('a', socket);
  (client.nsps as Map<string, never>).set('/', socket);
  Object.assign(client, { writeToEngine() {} });
  expect(await client.whenAcked(1_000)).toBe(0);
  client.ondecoded({ type: 2, nsp: '/', id: 1, data: ['ask'] });
  client.ondecoded({ type: 2, nsp: '/', id: 2, data: ['ask'] });
  const both = client.whenAcked(1_000);
  client._packet({ type: 3, nsp: '/', id: 1, data: [] });
  client._packet({ type: 3, nsp: '/', id: 2, data: [] });
  expect(await both).toBe(0);
  client.ondecoded({ type: 2, nsp: '/', id: 3, data: ['ask'] });
  const late = client.whenAcked(1_000);
  vi.advanceTimersByTime(1_000);
  expect(await late).toBe(1);
});
