import { createClient } from '@gopush/client';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { connectTo, describeNodes } from '../../../test/support/nodes.ts';

const on = { senders: true } as const;

/** All arguments of the next event. */
const argsOf = (socket: Socket, event: string): Promise<unknown[]> =>
  new Promise((resolve) => socket.once(event, (...args: unknown[]) => resolve(args)));

describeNodes('who published a message', (startNodes) => {
  test('members on any node are told by the server, live and from the history, whatever the client wrote', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(on), await nodes.start(on)];
    const [eve, ann] = [await connectTo(one, 'eve'), await connectTo(two, 'ann')];
    await ann.emitWithAck('go:marks');
    await ann.emitWithAck('go:join', 'r');
    const live = argsOf(ann, 'chat');
    // The form of gopush 0.1, in which the members get the client's whole object.
    await eve.emitWithAck('room', { room: 'r', event: 'chat', message: 'hi', sender: 'admin' });
    const [object, about, mark] = await live;
    expect(object).toEqual({ room: 'r', event: 'chat', message: 'hi', sender: 'eve' });
    expect(about).toEqual({ room: 'r', sender: 'eve' });
    expect(mark).toMatch(/~$/);

    const second = argsOf(ann, 'chat');
    await eve.emitWithAck('go:publish', { room: 'r', event: 'chat', message: { sender: 'admin' }, sender: 'admin' });
    expect((await second)[1]).toEqual({ room: 'r', sender: 'eve' });
    const third = argsOf(ann, 'chat');
    await eve.emitWithAck('go:publish', { room: 'r', event: 'chat', message: 1, volatile: true });
    expect(await third).toEqual([1, { room: 'r', sender: 'eve' }]);

    const [, epoch, first] = /^(.*)\.(\d+)~$/.exec(mark as string) ?? [];
    const bob = await connectTo(two, 'bob');
    const missed = argsOf(bob, 'chat');
    await bob.emitWithAck('go:join', { room: 'r', epoch, after: Number(first) - 1 });
    // Without marks.
    expect((await missed).slice(1)).toEqual([{ room: 'r', sender: 'eve' }]);
    const history = await one.push.history('r', 0, 10);
    expect(history).toMatchObject({ ok: true, value: { messages: [{ sender: 'eve' }, { sender: 'eve' }] } });
  });

  test('a program publishes as nobody, or in the name of a user', async () => {
    const nodes = await startNodes();
    const server = await nodes.start(on);
    const ann = await connectTo(server, 'ann');
    const client = createClient(ann);
    onTestFinished(() => client.close());
    const room = client.join('r');
    await room.joined;
    const senders: (string | null)[] = [];
    const three = new Promise<void>((resolve) => {
      room.on('chat', (_message, _position, sender) => {
        if (senders.push(sender) === 3) resolve();
      });
    });
    await server.push.toRoom('r', 'chat', 1);
    await server.push.toRoom('r', 'chat', 2, { sender: 'bob' });
    await server.push.toRoom('r', 'chat', 3, { sender: 'bob', keep: 'no' });
    await three;
    expect(senders).toEqual([null, 'bob', 'bob']);
  });

  test('without the setting messages stay as they were', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const [eve, ann] = [await connectTo(server, 'eve'), await connectTo(server, 'ann')];
    await ann.emitWithAck('go:join', 'r');
    const live = argsOf(ann, 'chat');
    await eve.emitWithAck('room', { room: 'r', event: 'chat', message: 'hi' });
    expect(await live).toEqual([{ room: 'r', event: 'chat', message: 'hi' }]);
    const history = await server.push.history('r', 0, 10);
    expect(history.ok && 'sender' in (history.value.messages[0] ?? {})).toBe(false);
  });

  test('the id of one client keeps no message of another one, or of a program, from the room', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(on), await nodes.start(on)];
    const [eve, bob, ann] = [await connectTo(one, 'eve'), await connectTo(two, 'bob'), await connectTo(two, 'ann')];
    const client = createClient(ann);
    onTestFinished(() => client.close());
    const room = client.join('r');
    await room.joined;
    const heard: unknown[] = [];
    room.on('order', (message, _position, sender) => heard.push([message, sender]));
    const plain: unknown[] = [];
    ann.on('order', (_message, about) => plain.push(about));
    for (const each of [eve, bob]) await each.emitWithAck('go:join', 'r');
    const publish = (by: Socket, message: string, more = {}): Promise<unknown> =>
      by.emitWithAck('go:publish', { room: 'r', event: 'order', message, id: 'order-17', ...more });
    // Not kept at first: a client remembers its id, which may come again when it is kept.
    expect(await publish(eve, 'forged', { volatile: true })).toMatchObject({ duplicate: false });
    await expect.poll(() => heard.length).toBe(1);
    expect(await publish(eve, 'forged')).toMatchObject({ ok: true });
    expect(await one.push.toRoom('r', 'order', 'paid', { id: 'order-17' })).toMatchObject({
      value: { duplicate: false },
    });
    expect(await publish(bob, 'mine')).toMatchObject({ duplicate: false });
    for (const by of [bob, await connectTo(one, 'bob')]) {
      await by.emitWithAck('go:join', 'r');
      expect(await publish(by, 'again')).toMatchObject({ duplicate: true });
    }
    expect(await two.push.toRoom('r', 'order', 'again', { id: 'order-17' })).toMatchObject({
      value: { duplicate: true },
    });
    await expect
      .poll(() => heard)
      .toEqual([
        ['forged', 'eve'],
        ['paid', null],
        ['mine', 'bob'],
      ]);
    // Members are told the id as it was given.
    expect(plain).toContainEqual({ room: 'r', sender: 'bob', id: 'order-17' });
  });

  test('a message that canPublish allows as it is takes nothing along that the hook has not seen', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({}, { canPublish: (_client, _room, _event, data) => String(data).length < 10 });
    const [eve, ann] = [await connectTo(server, 'eve'), await connectTo(server, 'ann')];
    await ann.emitWithAck('go:join', 'r');
    const first = argsOf(ann, 'chat');
    await eve.emitWithAck('room', { room: 'r', event: 'chat', message: 'hi', text: 'x'.repeat(100), sender: 'admin' });
    expect((await first)[0]).toEqual({ room: 'r', event: 'chat', message: 'hi' });
  });

  test('canPublish may put another message in the place of the one that was sent', async () => {
    const nodes = await startNodes();
    const server = await nodes.start(on, {
      canPublish: (_client, _room, event, data) =>
        event === 'odd' ? ({ text: data } as never) : { message: `clean ${data}` },
    });
    const [eve, ann] = [await connectTo(server, 'eve'), await connectTo(server, 'ann')];
    await ann.emitWithAck('go:join', 'r');
    const first = argsOf(ann, 'chat');
    // What it has not seen goes to nobody.
    await eve.emitWithAck('room', { room: 'r', event: 'chat', message: 'dirt', html: '<script>', sender: 'admin' });
    expect((await first)[0]).toEqual({ room: 'r', event: 'chat', message: 'clean dirt', sender: 'eve' });
    const second = argsOf(ann, 'chat');
    await eve.emitWithAck('go:publish', { room: 'r', event: 'chat', message: 'dirt' });
    expect((await second)[0]).toBe('clean dirt');
    expect(await eve.emitWithAck('go:publish', { room: 'r', event: 'odd', message: 'dirt' })).toMatchObject({
      ok: false,
      error: { code: 'server_hook_bad_value' },
    });
  });
});
