import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';

async function startWith(...uids: string[]) {
  const [server] = await startPushServers(1);
  if (server === undefined) throw new Error('no server');
  const clients = await Promise.all(uids.map((uid) => connectClient(server.url, 'websocket', { query: { uid } })));
  return { server, clients };
}

test('a client is in several rooms, and leaves them one by one', async () => {
  const { clients } = await startWith('ann');
  const [ann] = clients;
  expect(await ann?.emitWithAck('room', { room: 'a' })).toEqual({ ok: true, rooms: ['a'], count: 1 });
  expect(await ann?.emitWithAck('go:join', ['b', 'c'])).toMatchObject({ ok: true, rooms: ['b', 'c'], count: 3 });
  expect(await ann?.emitWithAck('go:leave', 'a')).toEqual({ ok: true, rooms: ['a'], count: 2 });
  expect(await ann?.emitWithAck('go:leave', ['b', 'never entered'])).toEqual({ ok: true, rooms: ['b'], count: 1 });
});

test('the others in a room hear, the sender and other rooms do not, and noBroadcast only enters', async () => {
  const { clients } = await startWith('ann', 'bob', 'cat');
  const [ann, bob, cat] = clients as [(typeof clients)[0] & {}, (typeof clients)[0] & {}, (typeof clients)[0] & {}];
  const heard: string[] = [];
  for (const [name, client] of Object.entries({ ann, bob, cat })) {
    client.onAny((event, payload) => event === 'chat' && heard.push(`${name}: ${payload.message}`));
  }
  await bob.emitWithAck('go:join', 'lobby');
  await cat.emitWithAck('go:join', 'elsewhere');
  await ann.emitWithAck('room', { room: 'lobby', event: 'chat', message: 'quiet', noBroadcast: true });
  await ann.emitWithAck('room', { room: 'lobby', event: 'chat', message: 'one' });
  const last = nextEvent(bob, 'end');
  await ann.emitWithAck('room', { room: 'lobby', event: 'end' });
  await last;
  expect(heard).toEqual(['bob: one']);
});

test("no client enters or speaks to another user's room, or another socket's", async () => {
  const { server, clients } = await startWith('ann', 'eve');
  const [ann, eve] = clients;
  for (const room of ['ann', 'u:ann', 'r:ann', ann?.id]) await eve?.emitWithAck('go:join', room);
  const heard: unknown[] = [];
  eve?.onAny((...args) => args[0] !== 'go:epoch' && heard.push(args));
  ann?.onAny((event) => event === 'spoof' && heard.push('ann was spoken to'));
  for (const room of ['ann', 'u:ann', ann?.id]) await eve?.emitWithAck('room', { room, event: 'spoof' });
  const pushed = nextEvent(ann as NonNullable<typeof ann>, 'news');
  server.push.toUser('ann', 'news', 'for ann alone');
  await pushed;
  server.io.to(ann?.id ?? '').emit('private', 1);
  await eve?.emitWithAck('go:leave', 'x');
  expect(heard).toEqual([]);
});

test("a client cannot send an event that looks like the server's", async () => {
  const { clients } = await startWith('ann');
  for (const event of ['go:push', 'go:welcome', 'disconnect', 'connect_error']) {
    expect(await clients[0]?.emitWithAck('room', { room: 'a', event })).toMatchObject({
      ok: false,
      error: { code: 'event_invalid' },
    });
  }
});

test('malformed payloads get an error ack, or nothing where there is no ack, and never stop the server', async () => {
  const { clients } = await startWith('ann');
  const [ann] = clients;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('room', 'go:join', 'go:leave'),
      fc.array(fc.jsonValue(), { maxLength: 3 }),
      async (event, args) => {
        ann?.emit(event, ...args);
        const answer = await ann?.timeout(5_000).emitWithAck(event, ...args);
        expect(typeof answer.ok).toBe('boolean');
        if (!answer.ok) expect(answer.error.code).toMatch(/_invalid$/);
      },
    ),
    { numRuns: 200 },
  );
  expect(await ann?.emitWithAck('go:join', 'still here')).toMatchObject({ ok: true });
});

test('a client without a uid is refused with a code', async () => {
  const [server] = await startPushServers(1);
  await expect(connectClient(server?.url ?? '', 'websocket')).rejects.toMatchObject({ data: { code: 'uid_missing' } });
});

test('a closing server lets its clients go so that they come back', async () => {
  const { server, clients } = await startWith('ann');
  const gone = nextEvent(clients[0] as NonNullable<(typeof clients)[0]>, 'disconnect');
  await server.close();
  expect(await gone).toBe('transport close');
});
