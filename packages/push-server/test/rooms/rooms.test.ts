import { readPosition } from '@gopush/contract';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { appendUnheard, connectTo, describeNodes, hear } from '../../../../test/support/nodes.ts';
import { nextEvent } from '../../../../test/support/socket-io.ts';

describeNodes('rooms', (startNodes) => {
  test('who comes back with its position gets exactly what it missed, on any node', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob')];
    await Promise.all([ann, bob].map((client) => client.emitWithAck('go:join', 'r')));
    await bob.emitWithAck('go:marks');
    const heard = hear<number>(bob, 'n');
    for (const n of [1, 2, 3]) await say(ann, 'r', n);
    await heard.count(3);
    const position = readPosition(heard.marks[1]);
    bob.disconnect();
    for (const n of [4, 5]) await say(ann, 'r', n);

    const again = await connectTo(one, 'bob');
    const missed = hear<number>(again, 'n');
    const answer = await again.emitWithAck('go:join', { room: 'r', after: position?.offset, epoch: position?.epoch });
    expect(answer).toMatchObject({ ok: true, joined: [{ room: 'r', recovered: true, position: { offset: 5 } }] });
    expect(missed.all).toEqual([3, 4, 5]);
    await say(ann, 'r', 6);
    expect(await missed.count(4)).toEqual([3, 4, 5, 6]);
  });

  test('where the history does not reach back the client is told so', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({ history: { count: 2 } });
    const ann = await connectTo(server, 'ann');
    await ann.emitWithAck('go:join', 'r');
    const positions = [];
    for (const n of [1, 2, 3, 4]) positions.push((await say(ann, 'r', n)).position);
    const [first, second] = positions;
    const bob = await connectTo(server, 'bob');
    const heard = hear(bob, 'n');
    const join = (after: number, epoch: string) => bob.emitWithAck('go:join', { room: 'r', after, epoch });
    expect((await join(first.offset, first.epoch)).joined).toEqual([
      { room: 'r', recovered: false, position: { epoch: first.epoch, offset: 4 } },
    ]);
    expect((await join(4, 'of-another-time')).joined[0].recovered).toBe(false);
    expect((await join(99, first.epoch)).joined[0].recovered).toBe(false);
    expect(heard.all).toEqual([]);
    expect((await join(second.offset, first.epoch)).joined[0].recovered).toBe(true);
    expect(heard.all).toEqual([3, 4]);
  });

  test('a history is bounded by count and by bytes', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({ history: { count: 3, bytes: 2_000 } });
    for (let n = 1; n <= 5; n++) await server.push.toRoom('few', 'n', n);
    expect(messagesOf(await server.push.history('few', 0, 10))).toEqual([3, 4, 5]);
    for (const n of [1, 2, 3]) await server.push.toRoom('large', 'n', `${n}`.repeat(900));
    expect(messagesOf(await server.push.history('large', 0, 10)).map((text) => String(text)[0])).toEqual(['2', '3']);
    await server.push.toRoom('larger', 'n', 'x'.repeat(5_000));
    expect(messagesOf(await server.push.history('larger', 0, 10))).toHaveLength(1);
  });

  test('a history is bounded by age, and its successor has another epoch', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({ history: { ageMs: 100 } });
    const ann = await connectTo(server, 'ann');
    await ann.emitWithAck('go:join', 'r');
    const heard = hear(ann, 'n');
    const epochs = hear<{ position: { epoch: string } }>(ann, 'go:epoch');
    const gaps = hear(ann, 'go:gap');
    const before = await server.push.toRoom('r', 'n', 1);
    await expect.poll(async () => messagesOf(await server.push.history('r', 0, 10))).toEqual([]);
    const after = await server.push.toRoom('r', 'n', 2);
    expect(await heard.count(2)).toEqual([1, 2]);
    if (!before.ok || !after.ok) throw new Error('not said');
    expect(after.value.position?.epoch).not.toBe(before.value.position?.epoch);
    // Nothing was lost: it is a new history, and no gap.
    expect(epochs.all.map(({ position }) => position.epoch)).toEqual([
      before.value.position?.epoch,
      after.value.position?.epoch,
    ]);
    expect(gaps.all).toEqual([]);
  });

  test('what is said twice with one id is said once, also by way of another node', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const [ann, again, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'ann'), await connectTo(two, 'bob')];
    await Promise.all([ann, again, bob].map((client) => client.emitWithAck('go:join', 'r')));
    const heard = hear(bob, 'n');
    const publish = (client: Socket) =>
      client.emitWithAck('go:publish', { room: 'r', event: 'n', message: 1, id: 'once' });
    const first = await publish(ann);
    expect(first).toMatchObject({ ok: true, duplicate: false });
    expect(await publish(again)).toEqual({ ...first, duplicate: true });
    await say(ann, 'r', 2);
    expect(await heard.count(2)).toEqual([1, 2]);
  });

  test('the sender hears itself only with echo', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob')];
    await Promise.all([ann, bob].map((client) => client.emitWithAck('go:join', 'r')));
    const [byAnn, byBob] = [hear(ann, 'n'), hear(bob, 'n')];
    await say(ann, 'r', 1);
    await ann.emitWithAck('go:publish', { room: 'r', event: 'n', message: 2, echo: true });
    await byAnn.has(2);
    await byBob.has(2);
    expect([byAnn.all, byBob.all]).toEqual([[2], [1, 2]]);
  });

  test('what is volatile reaches members with its room and is not kept', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob')];
    await Promise.all([ann, bob].map((client) => client.emitWithAck('go:join', 'r')));
    await bob.emitWithAck('go:marks');
    const heard = hear(bob, 'n');
    const answer = await ann.emitWithAck('go:publish', { room: 'r', event: 'n', message: 1, volatile: true });
    expect(answer).toEqual({ ok: true, position: null, duplicate: false });
    expect(await heard.count(1)).toEqual([1]);
    expect(heard.marks).toEqual([{ room: 'r' }]);
    expect(messagesOf(await one.push.history('r', 0, 10))).toEqual([]);
  });

  test('binary messages arrive as they were, live and from the history', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob')];
    await Promise.all([ann, bob].map((client) => client.emitWithAck('go:join', 'r')));
    const bytes = { deep: [Buffer.from([0, 1, 254, 255])] };
    const heard = hear(bob, 'n');
    const { position } = await say(ann, 'r', bytes);
    expect(await heard.count(1)).toEqual([bytes]);
    const late = await connectTo(two, 'late');
    const missed = hear(late, 'n');
    await late.emitWithAck('go:join', { room: 'r', after: 0, epoch: position.epoch });
    expect(missed.all).toEqual([bytes]);
  });

  test('many rooms are entered at once, or none where one is refused', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({}, { canJoin: (_client, room) => room !== 'closed' });
    const ann = await connectTo(server, 'ann');
    const names = Array.from({ length: 100 }, (_, index) => `r${index}`);
    expect(await ann.emitWithAck('go:join', [...names.slice(0, 99), 'closed'])).toMatchObject({
      ok: false,
      error: { code: 'join_refused' },
    });
    const answer = await ann.emitWithAck('go:join', names);
    expect(answer.rooms).toEqual(names);
    expect(answer.joined).toHaveLength(100);
    expect(await ann.emitWithAck('go:join', [...names, 'one more'])).toMatchObject({
      error: { code: 'payload_invalid' },
    });
  });

  test('all members hear the publishers of all nodes in one order', async () => {
    const nodes = await startNodes();
    const more = { history: { count: 1_000 } };
    const servers = [await nodes.start(more), await nodes.start(more), await nodes.start(more)];
    const clients = await Promise.all(servers.map((server, index) => connectTo(server, `u${index}`)));
    await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'r')));
    const heard = clients.map((client) => hear<string>(client, 'n'));
    const rounds = 50;
    await Promise.all(
      clients.flatMap((client, index) =>
        Array.from({ length: rounds }, (_, n) =>
          client.emitWithAck('go:publish', { room: 'r', event: 'n', message: `${index}.${n}`, echo: true }),
        ),
      ),
    );
    const [first, ...others] = await Promise.all(heard.map((each) => each.count(3 * rounds)));
    for (const other of others) expect(other).toEqual(first);
    // And each publisher's in the order in which it said them.
    for (const index of [0, 1, 2]) {
      expect(first?.filter((text) => text.startsWith(`${index}.`))).toEqual(
        Array.from({ length: rounds }, (_, n) => `${index}.${n}`),
      );
    }
  });

  test('a node that did not hear messages fills them in from the log, in order and once', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const store = await nodes.openStore();
    const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob')];
    await Promise.all([ann, bob].map((client) => client.emitWithAck('go:join', 'r')));
    const heard = hear<number>(bob, 'n');
    await say(ann, 'r', 1);
    await heard.count(1);
    // More than is read at a time.
    for (let n = 2; n <= 90; n++) await appendUnheard(store, 'r', 'n', n);
    await say(ann, 'r', 91);
    expect(await heard.count(91)).toEqual(Array.from({ length: 91 }, (_, index) => index + 1));
    await say(ann, 'r', 92);
    await heard.has(92);
    expect(heard.all).toHaveLength(92);
  });

  test('what was trimmed before a node could read it is told as a gap', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({ history: { count: 3 } });
    const store = await nodes.openStore();
    const bob = await connectTo(server, 'bob');
    await bob.emitWithAck('go:join', 'r');
    const heard = hear<number>(bob, 'n');
    const gap = nextEvent(bob, 'go:gap');
    await server.push.toRoom('r', 'n', 1);
    for (let n = 2; n <= 9; n++) await appendUnheard(store, 'r', 'n', n);
    const said = await server.push.toRoom('r', 'n', 10);
    if (!said.ok) throw new Error('not said');
    expect(await gap).toEqual({ room: 'r', position: { epoch: said.value.position?.epoch, offset: 7 } });
    expect(await heard.count(4)).toEqual([1, 8, 9, 10]);
  });

  test('a history that was removed is told as a gap to whoever comes back', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const store = await nodes.openStore();
    const ann = await connectTo(server, 'ann');
    await ann.emitWithAck('go:join', 'r');
    const { position } = await say(ann, 'r', 1);
    await store.history.removed('r:r');
    const bob = await connectTo(server, 'bob');
    const answer = await bob.emitWithAck('go:join', { room: 'r', after: 0, epoch: position.epoch });
    expect(answer.joined[0].recovered).toBe(false);
    const heard = hear(ann, 'n');
    await server.push.toRoom('r', 'n', 2);
    expect(await heard.count(1)).toEqual([2]);
  });

  test('what is said while one comes is neither lost nor given twice', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const ann = await connectTo(one, 'ann');
    await ann.emitWithAck('go:join', 'r');
    const { position } = await say(ann, 'r', 0);
    expect(position.offset).toBe(1);
    const clients = await Promise.all(Array.from({ length: 20 }, (_, index) => connectTo(two, `u${index}`)));
    await Promise.all(clients.map((client) => client.emitWithAck('go:marks')));
    const heard = clients.map((client) => hear<number>(client, 'n'));
    const rounds = 100;
    const saying = (async () => {
      for (let n = 1; n <= rounds; n++) await say(ann, 'r', n);
    })();
    for (const client of clients) {
      await client.emitWithAck('go:join', { room: 'r', after: 1, epoch: position.epoch });
      await client.emitWithAck('go:leave', 'r');
      const at = readPosition(heard[clients.indexOf(client)]?.marks.at(-1)) ?? position;
      await client.emitWithAck('go:join', { room: 'r', after: at.offset, epoch: position.epoch });
    }
    await saying;
    for (const each of heard) {
      await each.has(rounds);
      // While it was away it heard nothing: what it came back for is what followed the last it had.
      expect(each.all).toEqual(
        Array.from({ length: rounds + 1 - Number(each.all[0]) }, (_, n) => Number(each.all[0]) + n),
      );
      expect(each.all[0]).toBe(1);
    }
  });
});

async function say(client: Socket, room: string, message: unknown) {
  const answer = await client.emitWithAck('go:publish', { room, event: 'n', message });
  expect(answer).toMatchObject({ ok: true });
  return answer;
}

function messagesOf(history: Awaited<ReturnType<import('@gopush/push-server').PushServer['push']['history']>>) {
  if (!history.ok) throw new Error('no history');
  return history.value.messages.map(({ message }) => message);
}
