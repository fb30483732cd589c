import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { PushServer } from '@gopush/push-server';
import { createClient } from 'gopush/client';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { apiConfig, call, keys } from '../support/api.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { believing, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectTo, describeNodes, type Heard, hear, startNodes, type TestNodes } from '../support/nodes.ts';
import { connectClient, nextEvent, openClient } from '../support/socket-io.ts';

/** Keeps the store from answering. @returns lets it continue */
async function holdStore({ redis, config }: TestNodes): Promise<() => void> {
  if (redis !== undefined) {
    redis.pause();
    return redis.resume;
  }
  const program = new URL('../../packages/store/test/programs/hold.mjs', import.meta.url);
  const child = fork(program, [config.pushServer?.storeDir ?? '']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  return () => void child.kill('SIGKILL');
}

/** Publishes again and again with the same id until it is kept. @returns what became of each attempt */
async function publishUntilKept(servers: readonly PushServer[], room: string, n: number, id: string) {
  const results = [];
  for (let attempt = 0; attempt < 60; attempt++) {
    const result = await (servers[attempt % servers.length] as PushServer).push.toRoom(room, 'n', n, { id });
    results.push(result);
    if (result.ok && result.value.position !== null) return results;
    await pause(150);
  }
  throw new Error('it was never kept');
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describeNodes('the same id again while the store is away', (startNodes) => {
  async function start() {
    const nodes = await startNodes();
    const servers = [await nodes.start({}, {}, { api: apiConfig }), await nodes.start({}, {}, { api: apiConfig })];
    return { nodes, servers: servers as [PushServer, PushServer] };
  }

  test('each member gets each message once, however often and wherever it is published', async () => {
    const { nodes, servers } = await start();
    const [one, two] = servers;
    const members = [await connectTo(one, 'ann'), await connectTo(one, 'bob'), await connectTo(two, 'cat')];
    await Promise.all(members.map((client) => client.emitWithAck('go:join', 'r')));
    const plain = members.map((client) => hear<number>(client, 'n'));
    const byLibrary: number[] = [];
    const room = createClient(await connectTo(two, 'lib')).join('r');
    await room.joined;
    room.on<number>('n', (n) => void byLibrary.push(n));
    const socket = new WebSocket(`${two.url.replace('http', 'ws')}/api/v1/listen?room=r`, {
      headers: { authorization: `Bearer ${keys.all}` },
    });
    onTestFinished(() => socket.terminate());
    const listened: number[] = [];
    const ids = new Set<string>();
    const ready = new Promise<void>((resolve) => {
      socket.on('message', (text) => {
        const { type, message, messageId } = JSON.parse(String(text));
        if (type === 'ready') resolve();
        if (type === 'message') listened.push(message);
        if (type === 'message') ids.add(messageId);
      });
    });
    await ready;

    await one.push.toRoom('r', 'n', 0, { id: 'm0' });
    const release = await holdStore(nodes);
    const publishing = upTo(6).map((n) =>
      publishUntilKept(n % 2 === 0 ? servers : servers.toReversed(), 'r', n, `m${n}`),
    );
    await pause(2_500);
    release();
    const results = await Promise.all(publishing);
    expect(results.flat().some((result) => result.ok && result.value.position === null)).toBe(true);
    // All have all that came before when they have this.
    await one.push.toRoom('r', 'n', 99, { id: 'last' });
    for (const heard of plain) await heard.has(99);
    await expect.poll(() => byLibrary.includes(99) && listened.includes(99)).toBe(true);
    const wanted = [...upTo(6), 99];
    const sorted = (all: readonly number[]): number[] => all.toSorted((a, b) => a - b);
    for (const heard of plain) expect(sorted(heard.all)).toEqual(wanted);
    expect(sorted(byLibrary)).toEqual(wanted);
    expect(sorted(listened)).toEqual(wanted);
    expect([...ids].toSorted()).toEqual(['last', ...upTo(6).map((n) => `m${n}`)]);
    const history = await one.push.history('r', 0, 100);
    expect(history.ok && sorted(history.value.messages.map(({ message }) => message as number))).toEqual(wanted);
  });

  test('a user hears once what is pushed again, alone and in a batch; an inbox has it once', async () => {
    const { nodes, servers } = await start();
    const [one, two] = servers;
    const ann = await connectTo(two, 'ann');
    const heard = hear<number>(ann, 'n');
    const inbox = hear<{ message: number }>(ann, 'go:inbox');
    ann.on('go:inbox', ({ id }, ack) => ack(id));
    const release = await holdStore(nodes);
    const deadline = Date.now() + 2_500;
    setTimeout(release, 2_500);
    const say = async (server: PushServer, request: string, body: unknown): Promise<void> => {
      while (Date.now() < deadline + 8_000) {
        const { status, body: answer } = await call(server, request, body);
        const results = answer?.results?.map(({ ok }: { ok: boolean }) => ok) ?? [status === 200];
        if (results.every(Boolean) && Date.now() > deadline) return;
        await pause(200);
      }
      throw new Error('it was never taken');
    };
    await Promise.all([
      say(one, 'POST /users/ann/publish', { event: 'n', message: 1, id: 'a', keep: 'try' }),
      say(two, 'POST /users/ann/publish', { event: 'n', message: 1, id: 'a', keep: 'try' }),
      say(one, 'POST /batch', [
        { to: 'user', user: 'ann', event: 'n', message: 2, id: 'b', keep: 'try' },
        { to: 'user', user: 'ann', event: 'n', message: 3, id: 'c', keep: 'try' },
      ]),
      say(one, 'POST /users/ann/publish', { event: 'n', message: 4, id: 'd', deliver: 'store' }),
    ]);
    await one.push.toUser('ann', 'n', 99);
    await heard.has(99);
    expect(heard.all.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 99]);
    await inbox.count(1);
    expect(inbox.all.map(({ message }) => message)).toEqual([4]);
  });

  test('two with one id at once are one, and what was given unkept reaches those who come later when it is kept', async () => {
    const { nodes, servers } = await start();
    const [one, two] = servers;
    const ann = await connectTo(one, 'ann');
    await ann.emitWithAck('go:join', 'r');
    const byAnn = hear<number>(ann, 'n');
    const first = await one.push.toRoom('r', 'n', 0);
    const release = await holdStore(nodes);
    await expect.poll(async () => (await one.push.toRoom('r', 'n', 1, { id: 'x' })).ok, { timeout: 10_000 }).toBe(true);
    const both = await Promise.all([1, 2].map(() => one.push.toRoom('r', 'n', 1, { id: 'x' })));
    // If the store is tried again just then, none of them is taken.
    expect(both.filter((result) => result.ok && !result.value.duplicate)).toEqual([]);
    release();
    await expect.poll(async () => (await one.push.history('r', 0, 1)).ok, { timeout: 10_000 }).toBe(true);
    // He was not there when it was given, and stands before it.
    const bob = await connectTo(one, 'bob');
    const byBob = hear<number>(bob, 'n');
    const { epoch, offset } = (first.ok && first.value.position) || { epoch: '', offset: 0 };
    await bob.emitWithAck('go:join', { room: 'r', after: offset, epoch });
    await publishUntilKept([two], 'r', 1, 'x');
    await two.push.toRoom('r', 'n', 2);
    await byAnn.has(2);
    await byBob.has(2);
    expect(byAnn.all).toEqual([0, 1, 2]);
    expect(byBob.all).toEqual([1, 2]);
  });
});

describeNodes('a plain client that goes on elsewhere before the message is kept', (startNodes) => {
  /** A room and a user are told something while the store is away. Resolves when the store is back. */
  async function giveUnkept(nodes: TestNodes, server: PushServer): Promise<void> {
    await server.push.toRoom('r', 'n', 0);
    const release = await holdStore(nodes);
    const isGiven = async (): Promise<boolean> => {
      const toRoom = await server.push.toRoom('r', 'n', 1, { id: 'x' });
      const toUser = await server.push.toUser('ann', 'n', 2, { id: 'y' });
      return toRoom.ok && toUser.ok;
    };
    await expect.poll(isGiven, { timeout: 10_000 }).toBe(true);
    release();
    const isKept = async (): Promise<boolean> => (await server.push.toRoom('other', 'n', 0, { keep: 'must' })).ok;
    await expect.poll(isKept, { timeout: 10_000 }).toBe(true);
    // The next beats of push-servers tell each other that messages may have been lost: whoever comes back before that begins a new session.
    if (nodes.redis !== undefined) await pause(2_500);
  }

  async function giveAgain(server: PushServer): Promise<void> {
    await publishUntilKept([server], 'r', 1, 'x');
    expect(await server.push.toUser('ann', 'n', 2, { id: 'y', keep: 'must' })).toMatchObject({ ok: true });
  }

  /** @returns what was heard when the last has come */
  async function heardInAll(server: PushServer, heard: Heard<number>): Promise<number[]> {
    await server.push.toRoom('r', 'n', 98);
    await server.push.toUser('ann', 'n', 99);
    await heard.has(98);
    await heard.has(99);
    return heard.all.toSorted((a, b) => a - b);
  }

  test.each(['before', 'after'])(
    'is not given it again where it is kept %s the client is back',
    async (when) => {
      const nodes = await startNodes();
      const [one, two, three] = [await nodes.start(), await nodes.start(), await nodes.start()];
      const proxy = await startCuttingProxy([one.port]);
      const ann = await connectClient(proxy.url, 'websocket', { query: { uid: 'ann' } });
      await ann.emitWithAck('go:join', 'r');
      const heard = hear<number>(ann, 'n');
      const goTo = async (server: PushServer): Promise<void> => {
        const gone = nextEvent(ann, 'disconnect');
        proxy.ports = [server.port];
        proxy.cut();
        await gone;
        ann.connect();
        await nextEvent(ann, 'connect');
        expect(ann.recovered).toBe(true);
      };
      await giveUnkept(nodes, one);
      await heard.has(2);
      // In two steps: what it has had elsewhere goes along again.
      await goTo(three);
      if (when === 'before') await giveAgain(two);
      await goTo(two);
      if (when === 'after') await giveAgain(one);
      expect(await heardInAll(two, heard)).toEqual([0, 1, 2, 98, 99]);
    },
    30_000,
  );

  test('is given what was lost on its way', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const proxy = await startCuttingProxy([one.port]);
    const ann = await connectClient(proxy.url, 'websocket', { query: { uid: 'ann' } });
    await ann.emitWithAck('go:join', 'r');
    const heard = hear<number>(ann, 'n');
    await one.push.toRoom('r', 'n', -1);
    await heard.has(-1);
    proxy.hold();
    await giveUnkept(nodes, one);
    const gone = nextEvent(ann, 'disconnect');
    proxy.ports = [two.port];
    proxy.cut();
    await gone;
    await giveAgain(two);
    ann.connect();
    expect(await heardInAll(two, heard)).toEqual([-1, 0, 1, 2, 98, 99]);
  });

  test('is not given it again where its session has migrated', async () => {
    const nodes = await startNodes();
    const servers = [await nodes.start({ drainMs: 5_000 }), await nodes.start({ drainMs: 5_000 })];
    const agent = await startTestAgent({
      agent: believing,
      onupgrade: believing,
      router: { default: targetsOf(servers) },
    });
    const ann = openClient(agent.url, 'websocket', { query: { user: 'ann' } });
    const welcome = await nextEvent<{ server: string }>(ann, 'go:welcome');
    const [home, other] = welcome.server === 'node-0' ? servers : servers.toReversed();
    await ann.emitWithAck('go:join', 'r');
    const heard = hear<number>(ann, 'n');
    let cuts = 0;
    ann.on('disconnect', () => cuts++);
    await giveUnkept(nodes, home as PushServer);
    await heard.has(2);
    await (home as PushServer).close();
    await giveAgain(other as PushServer);
    expect(await heardInAll(other as PushServer, heard)).toEqual([0, 1, 2, 98, 99]);
    expect(cuts).toBe(0);
  });
});

test('a client that reconnects elsewhere before the message is kept recognises it by its id', async () => {
  const nodes = await startNodes('embedded store');
  const [one, two] = [await nodes.start(), await nodes.start()];
  const proxy = await startCuttingProxy([one.port]);
  const socket = await connectClient(proxy.url, 'websocket', { query: { uid: 'ann' } });
  const room = createClient(socket).join('r');
  await room.joined;
  const heard: number[] = [];
  room.on<number>('n', (n) => void heard.push(n));
  await one.push.toRoom('r', 'n', 0);
  const release = await holdStore(nodes);
  await expect.poll(async () => (await one.push.toRoom('r', 'n', 1, { id: 'x' })).ok, { timeout: 10_000 }).toBe(true);
  await expect.poll(() => heard).toEqual([0, 1]);
  release();
  await expect
    .poll(async () => (await two.push.toRoom('other', 'n', 0, { keep: 'must' })).ok, { timeout: 10_000 })
    .toBe(true);
  const gone = nextEvent(socket, 'disconnect');
  proxy.ports = [two.port];
  proxy.cut();
  await gone;
  await publishUntilKept([two], 'r', 1, 'x');
  socket.connect();
  await nextEvent(socket, 'connect');
  await two.push.toRoom('r', 'n', 2);
  await expect.poll(() => heard.includes(2)).toBe(true);
  expect(heard).toEqual([0, 1, 2]);
});

test('a push-server that dies after it has given a message: its publisher tries again at another one', async () => {
  const nodes = await startNodes('embedded store');
  const server = await nodes.start();
  const ann = await connectTo(server, 'ann');
  await ann.emitWithAck('go:join', 'r');
  const heard = hear<number>(ann, 'n');
  const program = new URL('../programs/push-node.mjs', import.meta.url);
  const child = fork(program, [JSON.stringify({ serverPortStart: 0, ...nodes.config })]);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  const release = await holdStore(nodes);
  const sayThere = async (number: number): Promise<{ ok: boolean }> => {
    const answered = once(child, 'message');
    child.send({ number, call: 'toRoom', args: ['r', 'n', 1, { id: 'x' }] });
    return (await answered)[0].answer;
  };
  for (let number = 0; !(await sayThere(number)).ok; number++) await pause(100);
  await heard.has(1);
  child.kill('SIGKILL');
  const again = publishUntilKept([server], 'r', 1, 'x');
  setTimeout(release, 1_000);
  await again;
  await server.push.toRoom('r', 'n', 2);
  await heard.has(2);
  expect(heard.all).toEqual([1, 2]);
});

test('where rooms keep no history, an id that comes again is recognised as well', async () => {
  const nodes = await startNodes('embedded store');
  const [one, two] = [await nodes.start({ history: { count: 0 } }), await nodes.start({ history: { count: 0 } })];
  const ann = await connectTo(two, 'ann');
  await ann.emitWithAck('go:join', 'r');
  const heard = hear<number>(ann, 'n');
  for (const server of [one, one, two, one]) await server.push.toRoom('r', 'n', 1, { id: 'x' });
  await one.push.toRoom('r', 'n', 2, { id: 'y' });
  await heard.has(2);
  expect(heard.all).toEqual([1, 2]);
});

test('an id may be used anew when the time of the history is over', async () => {
  const nodes = await startNodes('embedded store');
  const server = await nodes.start({ history: { ageMs: 1_000 } });
  const ann = await connectTo(server, 'ann');
  await ann.emitWithAck('go:join', 'r');
  const heard = hear<number>(ann, 'n');
  await server.push.toRoom('r', 'n', 1, { id: 'x' });
  await pause(1_100);
  await server.push.toRoom('r', 'n', 2, { id: 'x' });
  expect(await heard.count(2)).toEqual([1, 2]);
});
