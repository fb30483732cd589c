import type { PushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { RecentChanges } from '../../packages/push-server/src/session/recent-changes.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { connectTo, describeNodes, hear } from '../support/nodes.ts';
import { connectClient, nextEvent, openClient } from '../support/socket-io.ts';

const usersIn = async ({ push }: PushServer, room: string): Promise<unknown> => {
  const users = await push.presence.room(room);
  return users.ok && users.value.map(({ uid }) => uid);
};

describeNodes('what a program does to a user whose session is nowhere', (startNodes) => {
  /** A client that is cut off, behind a proxy that it cannot come back through yet. */
  async function cutOff(hooks = {}) {
    const nodes = await startNodes();
    const settings = { graceMs: 5_000 };
    const [one, two] = [await nodes.start(settings, hooks), await nodes.start(settings, hooks)];
    const proxy = await startCuttingProxy([one.port]);
    const client = await connectClient(proxy.url, 'websocket', {
      query: { uid: 'eve' },
      reconnection: true,
      reconnectionDelay: 500,
      randomizationFactor: 0,
      timeout: 5_000,
    });
    await client.emitWithAck('go:join', ['secret', 'open']);
    proxy.cut();
    await nextEvent(client, 'disconnect');
    return { one, two, client };
  }

  test('who was taken out of a room while cut off is not in it afterwards, and is given nothing of it', async () => {
    const { one, two, client } = await cutOff();
    const [secrets, others] = [hear(client, 'in secret'), hear(client, 'in open')];
    two.push.moveUser('eve', 'secret', 'leave');
    await two.push.toRoom('secret', 'in secret', 'missed');
    await two.push.toRoom('open', 'in open', 'missed');
    await nextEvent(client, 'connect');
    expect(client.recovered).toBe(true);
    await two.push.toRoom('secret', 'in secret', 'live');
    await two.push.toRoom('open', 'in open', 'live');
    expect(await others.count(2)).toEqual(['missed', 'live']);
    expect(secrets.all).toEqual([]);
    expect(await client.emitWithAck('go:presence', { room: 'secret' })).toMatchObject({ ok: false });
    await expect.poll(() => usersIn(one, 'secret')).toEqual([]);
    expect(await usersIn(one, 'open')).toEqual(['eve']);
    // It is no ban.
    expect(await client.emitWithAck('go:join', 'secret')).toMatchObject({ ok: true });
  });

  test('who was disconnected while cut off begins anew, and the server hook is asked', async () => {
    const banned = new Set<string>();
    const { two, client } = await cutOff({ onConnect: ({ uid }: { uid: string }) => !banned.has(uid) });
    banned.add('eve');
    two.push.disconnectUser('eve');
    const error = await nextEvent<Error>(client, 'connect_error');
    expect(error).toMatchObject({ data: { code: 'connect_refused' } });
  });

  /** A client whose push-server stops while its agent knows no other one, and what names that one to the agent. */
  async function between(hooks = {}): Promise<{ two: PushServer; client: Socket; goOn: () => void }> {
    const nodes = await startNodes();
    const settings = { drainMs: 1_000, leaseMs: 600 };
    const [one, two] = [await nodes.start(settings, hooks), await nodes.start(settings, hooks)];
    let { port } = one;
    const agent = await startTestAgent({
      agent: believing,
      router: { default: () => ({ ip: '127.0.0.1', port }) },
    });
    const client = openClient(agent.url, 'websocket', { query: { user: 'eve' } });
    await nextEvent(client, 'connect');
    await client.emitWithAck('go:join', ['secret', 'open']);
    await one.close();
    expect(client.connected).toBe(true);
    return {
      two,
      client,
      goOn() {
        port = two.port;
      },
    };
  }

  test('who is taken out of a room, or put into one, while the session moves finds it so', async () => {
    const { two, client, goOn } = await between();
    const [secrets, others, given] = [hear(client, 'in secret'), hear(client, 'in open'), hear(client, 'in new')];
    two.push.moveUser('eve', 'secret', 'leave');
    two.push.moveUser('eve', 'new', 'join');
    await two.push.toRoom('secret', 'in secret', 'missed');
    goOn();
    await expect.poll(() => usersIn(two, 'new'), { timeout: 10_000 }).toEqual(['eve']);
    for (const room of ['secret', 'open', 'new']) await two.push.toRoom(room, `in ${room}`, 'live');
    await Promise.all([others.has('live'), given.has('live')]);
    expect(secrets.all).toEqual([]);
    await expect.poll(() => usersIn(two, 'secret'), { timeout: 10_000 }).toEqual([]);
    expect(client.connected).toBe(true);
  });

  test('who is disconnected while the session moves does not go on', async () => {
    const { two, client, goOn } = await between();
    const ended = nextEvent(client, 'disconnect');
    two.push.disconnectUser('eve');
    goOn();
    await ended;
    // The next connection of the same user is not affected.
    const again = await connectTo(two, 'eve');
    expect(again.connected).toBe(true);
  });
});

test('changes are remembered for as long as a session may be gone on with, and so many of them', () => {
  const changes = new RecentChanges(60_000, 3);
  const before = Date.now();
  changes.moved('ann', 'a', 'leave');
  changes.moved('ann', 'a', 'join');
  changes.ended('bob');
  expect(changes.since('ann', before)).toEqual({ ended: false, rooms: new Map([['a', 'join']]) });
  expect(changes.since('bob', before)).toEqual({ ended: true, rooms: new Map() });
  // Written down later than the change.
  expect(changes.since('ann', Date.now() + 2_000).rooms.size).toBe(0);
  for (let user = 0; user < 100; user++) changes.moved(`user ${user}`, 'a', 'leave');
  expect(changes.size).toBe(3);
  for (let room = 0; room < 100; room++) changes.moved('ann', `room ${room}`, 'leave');
  expect(changes.size).toBe(3);
  expect([...changes.since('ann', before).rooms.keys()]).toEqual(['room 97', 'room 98', 'room 99']);
});
