import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram } from '../../../../test/support/cli.ts';
import { connectTo, describeNodes, hear, startNodes } from '../../../../test/support/nodes.ts';
import { nextEvent, openClient } from '../../../../test/support/socket-io.ts';

describeNodes('users', (startNodes) => {
  test('all devices of a user hear, on whichever nodes, and nobody else', async () => {
    const nodes = await startNodes();
    const [one, two, three] = [await nodes.start(), await nodes.start(), await nodes.start()];
    const anns = [await connectTo(one, 'ann'), await connectTo(one, 'ann'), await connectTo(two, 'ann')];
    const bob = await connectTo(three, 'bob');
    const [byAnns, byBob] = [anns.map((client) => hear(client, 'news')), hear(bob, 'news')];
    expect(await three.push.toUser('ann', 'news', 1)).toMatchObject({ value: { state: 'sent', devices: 3 } });
    await Promise.all(byAnns.map((each) => each.count(1)));
    expect(await one.push.toUser('nobody', 'news', 1)).toMatchObject({ value: { state: 'offline', devices: 0 } });
    await three.push.toUser('bob', 'news', 2);
    expect(await byBob.count(1)).toEqual([2]);
  });

  test('presence counts devices on all nodes, says since when, and when a user was last seen', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const before = Date.now();
    const [phone, desk] = [await connectTo(one, 'ann'), await connectTo(two, 'ann')];
    await Promise.all([phone, desk].map((client) => client.emitWithAck('go:join', 'r')));
    const both = await two.push.presence.user('ann');
    expect(both).toMatchObject({ ok: true, value: { devices: 2, lastSeen: undefined } });
    expect(both.ok && (both.value.since ?? 0) >= before).toBe(true);
    await expect
      .poll(() => phone.emitWithAck('go:presence', { room: 'r' }))
      .toEqual({
        ok: true,
        users: [{ uid: 'ann', devices: 2 }],
        next: null,
      });
    phone.disconnect();
    desk.disconnect();
    await expect
      .poll(() => one.push.presence.user('ann'))
      .toMatchObject({
        value: { devices: 0, since: undefined, lastSeen: expect.any(Number) },
      });
    await expect.poll(() => one.push.presence.room('r')).toEqual({ ok: true, value: [] });
    const eve = await connectTo(one, 'eve');
    expect(await eve.emitWithAck('go:presence', { room: 'r' })).toMatchObject({ error: { code: 'join_refused' } });
  });

  test('a room entered and left at once is not haunted', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const ann = await connectTo(server, 'ann');
    for (let round = 0; round < 20; round++) {
      ann.emit('go:join', 'r');
      ann.emit('go:leave', 'r');
    }
    await ann.emitWithAck('go:leave', 'r');
    await expect.poll(() => server.push.presence.room('r')).toEqual({ ok: true, value: [] });
    await ann.emitWithAck('go:join', 'r');
    await expect.poll(() => server.push.presence.room('r')).toMatchObject({ value: [{ uid: 'ann' }] });
  });

  test('who is cut off and comes back within the grace has never left; who does not has', async () => {
    const nodes = await startNodes();
    const config = { presenceEvents: true, graceMs: 500 };
    const [one, two] = [await nodes.start(config), await nodes.start(config)];
    const watcher = await connectTo(two, 'watcher');
    await watcher.emitWithAck('go:join', 'r');
    const changes = hear<{ uid: string; change: string }>(watcher, 'go:presence');
    const ann = await connectTo(one, 'ann');
    await ann.emitWithAck('go:join', 'r');
    await expect.poll(() => changes.all).toContainEqual({ room: 'r', uid: 'ann', change: 'joined' });
    ann.io.engine.close();
    const again = await connectTo(two, 'ann');
    await again.emitWithAck('go:join', 'r');
    const bob = await connectTo(one, 'bob');
    await bob.emitWithAck('go:join', 'r');
    bob.disconnect();
    await expect.poll(() => changes.all).toContainEqual({ room: 'r', uid: 'bob', change: 'left' });
    expect(changes.all.filter(({ uid }) => uid === 'ann')).toEqual([{ room: 'r', uid: 'ann', change: 'joined' }]);
  });

  test('who was on a node that was killed is gone when its lease is over', async () => {
    const nodes = await startNodes();
    const leases = { leaseMs: 1_000, presenceEvents: true };
    const server = await nodes.start(leases);
    const watcher = await connectTo(server, 'watcher');
    await watcher.emitWithAck('go:join', 'r');
    const changes = hear(watcher, 'go:presence');
    const config = { ...nodes.config, serverPortStart: 0, pushServer: { ...nodes.config.pushServer, ...leases } };
    const child = startProgram(process.execPath, ['test/programs/push-node.mjs', JSON.stringify(config)]);
    await child.until(/listening on http/);
    const url = /listening on (\S+)/.exec(child.stdout())?.[1] ?? '';
    const ann = openClient(url, 'websocket', { query: { uid: 'ann' } });
    await once(ann as never, 'connect');
    await ann.emitWithAck('go:join', 'r');
    await expect.poll(() => changes.all).toContainEqual({ room: 'r', uid: 'ann', change: 'joined' });
    child.signal('SIGKILL');
    await child.ended;
    await expect.poll(() => changes.all, { timeout: 10_000 }).toContainEqual({ room: 'r', uid: 'ann', change: 'left' });
    expect(await server.push.presence.user('ann')).toMatchObject({ value: { devices: 0 } });
  });

  test('an inbox is bounded, and what waits expires', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({ inbox: { count: 2 } });
    const put = (id: string, ttlMs: number) => server.push.toUser('ann', 'mail', 1, { deliver: 'store', id, ttlMs });
    expect(await put('short', 2_000)).toMatchObject({ value: { id: 'short', state: 'waiting', devices: 0 } });
    await put('long', 60_000);
    expect(await put('more', 50)).toMatchObject({ ok: false, failure: { code: 'inbox_full' } });
    await expect
      .poll(() => server.push.inbox.status('ann', 'short'), { timeout: 10_000 })
      .toEqual({ ok: true, value: 'unknown' });
    expect(await put('more', 60_000)).toMatchObject({ value: { state: 'waiting' } });
    expect(await server.push.inbox.status('ann', 'long')).toEqual({ ok: true, value: 'waiting' });
  });

  test('an ack that names another message ends nothing', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    await server.push.toUser('ann', 'mail', 1, { deliver: 'store', id: 'a' });
    const ann = openClient(server.url, 'websocket', { query: { uid: 'ann' } });
    const given = new Promise<void>((resolve) => {
      ann.on('go:inbox', (_message, ack) => {
        ack('of an earlier connection');
        resolve();
      });
    });
    await given;
    // What it asks for now comes after the ack.
    await ann.emitWithAck('go:join', 'r');
    expect(await server.push.inbox.status('ann', 'a')).toEqual({ ok: true, value: 'waiting' });
    ann.disconnect();
    const again = openClient(server.url, 'websocket', { query: { uid: 'ann' } });
    again.on('go:inbox', (_message, ack) => ack());
    await nextEvent(again, 'go:inbox');
    await expect.poll(() => server.push.inbox.status('ann', 'a')).toEqual({ ok: true, value: 'acked' });
  });
});

test('however many push-servers there are, only those that have a user are told of what is said to it', async () => {
  const nodes = await startNodes('Redis');
  const [one, two, three] = [await nodes.start(), await nodes.start(), await nodes.start(), await nodes.start()];
  const anns = [await connectTo(two, 'ann'), await connectTo(two, 'ann'), await connectTo(three, 'ann')].map((client) =>
    hear(client, 'news'),
  );
  await connectTo(one, 'bob');
  const redis = new Redis(nodes.redis?.port ?? 0);
  onTestFinished(() => redis.disconnect());
  const told: string[] = [];
  let whenSeen = (): void => {};
  const seen = new Promise<void>((resolve) => {
    whenSeen = resolve;
  });
  await monitorRedis(nodes.redis?.port ?? 0, ([command = '', channel = '', payload = '']) => {
    if (command === 'get' && channel === 'all of it') whenSeen();
    // What a node sends to itself is a ping; everything begins with its sender's name.
    if (command.endsWith('publish') && !payload.startsWith(channel.split(':').at(-1) ?? '')) told.push(channel);
  });
  for (const uid of ['ann', 'ann', 'bob', 'nobody']) await one.push.toUser(uid, 'news', 1);
  await Promise.all(anns.map((each) => each.count(2)));
  await redis.get('all of it');
  await seen;
  // Two messages for each of the two nodes that have ann; bob is where they were said.
  expect(told.map((channel) => channel.split(':').length)).toEqual([3, 3, 3, 3]);
  expect(new Set(told).size).toBe(2);
});

/** Tells each command of a Redis. `monitor` of ioredis fails when a command is told in the same packet as the response to MONITOR. */
async function monitorRedis(port: number, onCommand: (command: readonly string[]) => void): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write('MONITOR\r\n');
  const lines = createInterface(socket);
  await once(lines, 'line');
  // As `+1795742562.011466 [0 127.0.0.1:52568] "get" "all of it"`.
  lines.on('line', (line) => onCommand([...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word)));
}
