import { createClient } from 'gopush/client';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectTo, describeNodes } from '../support/nodes.ts';
import { connectClient, nextEvent, openClient } from '../support/socket-io.ts';

/** All that a client gets, in order, marks apart. */
function gather(client: Socket) {
  const events: unknown[][] = [];
  const marks: unknown[] = [];
  client.onAny((...args: unknown[]) => void (args[0] === 'go:mark' ? marks.push(...args.slice(1)) : events.push(args)));
  return { events, marks };
}

const markForm = /^[\w-]+\.\d+~$/;

describeNodes('handlers of a fixed number of arguments', (startNodes) => {
  test.each(['websocket', 'polling'] as const)('get what was sent, and nothing else, by %s', async (transport) => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const client = openClient(one.url, transport, { query: { uid: 'ann' }, autoConnect: false });
    const { events } = gather(client);
    client.connect();
    await nextEvent(client, 'go:push');
    await client.emitWithAck('go:join', 'r');
    one.io.emit('one', 'text');
    two.io.emit('one', { object: 1 });
    one.io.local.emit('one', 'local');
    // One that has to ask again first loses it.
    if (transport === 'websocket') one.io.volatile.emit('one', 'volatile');
    one.io.to(client.id as string).emit('one', 'to', 2);
    one.io.emit('none');
    one.io.emit('bytes', Buffer.from('bytes'), 'text');
    for (const socket of one.io.sockets.sockets.values()) socket.emit('one', 'x');
    one.push.toAll('one', 'to all');
    await one.push.toRoom('r', 'one', 'kept');
    await one.push.toRoom('r', 'one', 'kept with an id', { id: 'once' });
    await one.push.toRoom('r', 'one', 'not kept', { keep: 'no' });
    await one.push.toUser('ann', 'one', 'to the user');
    await one.push.toUser('ann', 'one', 'to the user, not kept', { keep: 'no' });
    one.io.emit('end');
    await expect.poll(() => events.at(-1)).toEqual(['end']);
    const wanted = [
      ['go:push', 'hello world'],
      ['one', 'text'],
      ['one', { object: 1 }],
      ['one', 'local'],
      ...(transport === 'websocket' ? [['one', 'volatile']] : []),
      ['one', 'to', 2],
      ['none'],
      ['bytes', Buffer.from('bytes'), 'text'],
      ['one', 'x'],
      ['one', 'to all'],
      ['one', 'kept'],
      ['one', 'kept with an id'],
      ['one', 'not kept'],
      ['one', 'to the user'],
      ['one', 'to the user, not kept'],
      ['end'],
    ];
    for (const each of wanted) expect(events).toContainEqual(each);
    expect(events).toHaveLength(wanted.length + 2);
    expect(events[0]).toHaveLength(2);
    expect(events.filter(([event]) => event === 'go:epoch')).toEqual([['go:epoch', expect.anything()]]);
  });

  test('a message that a client can resume from is followed by its mark; a client that asks for marks gets it as an argument, with its room', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const [plain, marked] = [await connectTo(server, 'plain'), await connectTo(server, 'marked')];
    expect(await marked.emitWithAck('go:marks')).toEqual({ ok: true });
    await Promise.all([plain, marked].map((client) => client.emitWithAck('go:join', 'r')));
    const [ofPlain, ofMarked] = [gather(plain), gather(marked)];
    await server.push.toRoom('r', 'chat', 'kept');
    await server.push.toRoom('r', 'chat', 'not kept', { keep: 'no' });
    await server.push.toRoom('r', 'chat', { last: true });
    await expect.poll(() => [ofPlain.marks.length, ofMarked.events.length]).toEqual([3, 4]);
    const [epoch] = ofPlain.events.shift() as [string];
    ofMarked.events.shift();
    expect(epoch).toBe('go:epoch');
    expect(ofPlain.events).toEqual([
      ['chat', 'kept'],
      ['chat', 'not kept'],
      ['chat', { last: true }],
    ]);
    const [first, second] = [ofPlain.marks[0], ofPlain.marks[2]];
    expect(first).toMatch(markForm);
    expect(ofMarked.events).toEqual([
      ['chat', 'kept', first],
      ['chat', 'not kept', { room: 'r' }],
      ['chat', { last: true }, second],
    ]);
    // A mark here would be taken for the last thing that it got.
    expect(ofMarked.marks).toEqual([]);
  });

  test('with recovery switched off nothing is added; gopush/client goes on in its rooms all the same', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({ recoveryMs: 0 });
    const client = openClient(server.url, 'websocket', { query: { uid: 'ann' }, autoConnect: false });
    const { events, marks } = gather(client);
    client.connect();
    await nextEvent(client, 'go:push');
    await client.emitWithAck('go:join', 'r');
    for (const socket of server.io.sockets.sockets.values()) socket.emit('one', 'x');
    server.io.emit('one', 'y');
    await server.push.toRoom('r', 'one', 'z');
    await expect
      .poll(() => events.filter(([event]) => event === 'one'))
      .toEqual([
        ['one', 'x'],
        ['one', 'y'],
        ['one', 'z'],
      ]);
    expect(marks).toEqual([]);
    const other = createClient(await connectTo(server, 'bob'));
    onTestFinished(() => other.close());
    const room = other.join('r');
    await room.joined;
    const heard: unknown[] = [];
    room.on('one', (message, position) => heard.push([message, position?.offset]));
    await server.push.toRoom('r', 'one', 'again');
    await expect.poll(() => heard).toEqual([['again', 2]]);
  });

  test('a stock client whose connection is cut at any byte loses nothing; only a message whose mark had not come comes twice', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({ history: { count: 4_000 }, graceMs: 5_000 });
    const proxy = await startCuttingProxy([server.port]);
    const client = await connectClient(proxy.url, 'websocket', {
      query: { uid: 'ann' },
      reconnection: true,
      reconnectionDelay: 10,
      reconnectionDelayMax: 20,
    });
    await client.emitWithAck('go:join', 'r');
    const heard: number[] = [];
    client.on('n', (number: number) => heard.push(number));
    const recovered: boolean[] = [];
    client.on('connect', () => recovered.push(client.recovered));
    let said = 0;
    const cuts = 12;
    for (let cut = 0; cut < cuts; cut++) {
      proxy.cutAfter(500 + cut * 7);
      proxy.cut();
      for (let count = 0; count < 20; count++) await server.push.toRoom('r', 'n', said++);
      await expect.poll(() => heard.at(-1), { timeout: 10_000 }).toBe(said - 1);
    }
    expect(recovered.length).toBeGreaterThanOrEqual(cuts);
    expect(recovered).not.toContain(false);
    expect([...new Set(heard)]).toEqual(Array.from({ length: said }, (_, index) => index));
    expect(heard.every((number, index) => index === 0 || number - (heard[index - 1] as number) <= 1)).toBe(true);
    expect(heard.length - said).toBeLessThanOrEqual(recovered.length);
  });
});

test('a client that asked for marks has them after its session migrated', async () => {
  const servers = await startPushServers(2, { pushServer: { drainMs: 3_000 } });
  const [one, two] = servers as [(typeof servers)[0], (typeof servers)[0]];
  let to = targetsOf([one]);
  const agent = await startTestAgent({ agent: believing, router: { default: () => to } });
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  await client.emitWithAck('go:marks');
  await client.emitWithAck('go:join', 'r');
  to = targetsOf([two]);
  await one.close();
  const { events } = gather(client);
  await client.emitWithAck('go:presence', { room: 'r' });
  await two.push.toRoom('r', 'chat', 'hello');
  await expect.poll(() => events).toContainEqual(['chat', 'hello', expect.stringMatching(markForm)]);
});
