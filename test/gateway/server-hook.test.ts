import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigInput } from '@gopush/contract';
import { checkServerHook, defineServer, type ServerClient, type ServerHook } from '@gopush/push-server/for-hooks';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { connectClient, nextEvent } from '../support/socket-io.ts';

/** A push-server with this hook, and a way to connect to it. */
async function startWith(hooks: ServerHook | { dir: string; environment: string }, config: ConfigInput = {}) {
  const memory = createMemoryLog();
  const [server] = await startPushServers(1, config, { hooks, logger: memory.logger });
  if (server === undefined) throw new Error('no server');
  const connect = (uid: string, query: Record<string, string> = {}): Promise<Socket> =>
    connectClient(server.url, 'websocket', { query: { uid, ...query } });
  return { server, connect, ...memory };
}

/** A project whose server hook is this text. */
async function makeProject(text: string) {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-hooks-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'hooks'));
  const write = async (edited: string): Promise<void> => {
    // At once: on a busy machine a reload could come upon the file between being emptied and being filled.
    await writeFile(join(dir, 'edited'), edited);
    await rename(join(dir, 'edited'), join(dir, 'hooks/server.local.mjs'));
  };
  await write(text);
  return { dir, write, location: { dir, environment: 'local' } };
}

const refusedWith = (code: string) => ({ ok: false, error: { code, message: expect.any(String) } });

/** Faults of a hook, and the error that a client gets. */
const faults: [string, () => never, string][] = [
  [
    'throws',
    () => {
      throw new Error('secret');
    },
    'server_hook_threw',
  ],
  ['rejects', (() => Promise.reject(new Error('secret'))) as () => never, 'server_hook_rejected'],
  ['takes too long', (() => new Promise(() => {})) as () => never, 'server_hook_timeout'],
  ['returns something else', (() => 'yes') as unknown as () => never, 'server_hook_bad_value'],
];

test('the hook sees who the client is, through an agent, and whatever it remembers', async () => {
  const seen: ServerClient[] = [];
  const hooks = defineServer({
    onConnect(client) {
      client.data.since = 5;
      client.claims = { role: 'admin' };
      seen.push(client);
    },
    onMessage: (client) => [client.data.since, client.claims?.role],
  });
  const { server } = await startWith(hooks);
  const agent = await startTestAgent({ agent: believing, router: { default: targetsOf([server]) } });
  const ann = await connectClient(agent.url, 'websocket', {
    query: { user: 'ann', colour: 'red' },
    extraHeaders: { 'x-own': 'mine', 'x-forwarded-for': '9.9.9.9' },
  });
  expect(await ann.emitWithAck('what')).toEqual([5, 'admin']);
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({ id: ann.id, uid: 'ann', product: 'default', address: '127.0.0.1' });
  expect(seen[0]?.query).toMatchObject({ user: 'ann', colour: 'red' });
  expect(seen[0]?.headers).toMatchObject({ 'x-own': 'mine' });
});

test('the address is the nearest that no trusted proxy has', async () => {
  const addresses: string[] = [];
  const config = { access: { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] } };
  const { server } = await startWith({ onConnect: (client) => void addresses.push(client.address) }, config);
  const agent = await startTestAgent({ agent: () => 'ann', router: { default: targetsOf([server]) } }, config);
  await connectClient(agent.url, 'websocket', {
    extraHeaders: { 'x-forwarded-for': '6.6.6.6, 203.0.113.7, 10.1.1.1' },
  });
  expect(addresses).toEqual(['203.0.113.7']);
});

test.each([
  ['9.9.9.9, 203.0.113.7:51234', '203.0.113.7'],
  ['9.9.9.9, "[2001:db8::7]:51234"', '2001:db8::7'],
  ['9.9.9.9, unknown', '127.0.0.1'],
  ['9.9.9.9, ', '127.0.0.1'],
])('behind an agent and a trusted proxy that says %j the hook sees %s', async (forwarded, address) => {
  const addresses: string[] = [];
  const config = { access: { trustedProxies: ['127.0.0.0/8'] } };
  const { server } = await startWith({ onConnect: (client) => void addresses.push(client.address) }, config);
  const agent = await startTestAgent({ agent: believing, router: { default: targetsOf([server]) } }, config);
  const extraHeaders = { 'x-forwarded-for': forwarded };
  await connectClient(agent.url, 'websocket', { query: { user: 'ann' }, extraHeaders });
  expect(addresses).toEqual([address]);
});

test('onConnect that returns false refuses; one that returns nothing lets in', async () => {
  const { connect } = await startWith({
    onConnect: async (client) => (client.uid === 'eve' ? false : undefined),
  });
  await expect(connect('eve')).rejects.toMatchObject({ data: { code: 'connect_refused' } });
  expect((await connect('ann')).connected).toBe(true);
});

test.each(faults)(
  'onConnect that %s refuses, and the client learns no more than the code',
  async (_name, fault, code) => {
    const { connect, lines } = await startWith({ onConnect: fault }, { hooks: { timeoutMs: 50 } });
    const error = await connect('ann').then(
      () => undefined,
      (refused: Error) => refused,
    );
    expect(error).toMatchObject({ data: { code } });
    expect(JSON.stringify([error?.message, (error as unknown as { data: unknown }).data])).not.toMatch(/secret/);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        fields: expect.objectContaining({ code, detail: expect.stringMatching(/^hook server: onConnect/) }),
      }),
    ]);
  },
);

test('onDisconnect is told of clients that go, and of all of them before a stop has ended', async () => {
  const gone: string[] = [];
  let ended = false;
  const { server, connect } = await startWith({
    onConnect: (client) => client.uid !== 'eve',
    async onDisconnect(client, reason) {
      // Later than anything a stop does by itself.
      if (client.uid === 'bob') {
        await closed;
        for (let times = 0; times < 5; times++) await readFile(import.meta.filename);
      }
      gone.push(`${client.uid}: ${reason}`);
    },
    setup: () => () => {
      ended = gone.includes('bob: server shutting down') || gone.includes('bob: transport close');
    },
  });
  const closed = once(server.io.httpServer, 'close');
  const ann = await connect('ann');
  await connect('bob');
  await expect(connect('eve')).rejects.toThrow();
  ann.disconnect();
  await expect.poll(() => gone).toEqual(['ann: client namespace disconnect']);
  await server.close();
  expect(gone).toHaveLength(2);
  expect(ended).toBe(true);
});

test('canJoin decides on rooms that a client is not yet in: all that it asks for at a time, or none', async () => {
  const asked: string[] = [];
  const { connect } = await startWith({
    canJoin(client, room) {
      asked.push(`${client.uid} ${room}`);
      // Nothing at all is a no as well.
      return room.startsWith('open') || (room === 'closed' ? undefined : false);
    },
  });
  const ann = await connect('ann');
  expect(await ann.emitWithAck('go:join', ['open-1', 'closed'])).toEqual(refusedWith('join_refused'));
  expect(await ann.emitWithAck('go:join', ['open-1'])).toMatchObject({ ok: true, rooms: ['open-1'] });
  expect(await ann.emitWithAck('room', { room: 'open-1', event: 'x' })).toMatchObject({ ok: true, rooms: ['open-1'] });
  expect(await ann.emitWithAck('room', { room: 'closed' })).toEqual(refusedWith('join_refused'));
  expect(await ann.emitWithAck('room', { room: 'open-2' })).toMatchObject({ ok: true, rooms: ['open-2'], count: 2 });
  expect(asked).toEqual(['ann open-1', 'ann closed', 'ann open-1', 'ann closed', 'ann open-2']);
});

test('canPublish decides on what is said, and what is refused neither is heard nor enters', async () => {
  const { connect } = await startWith({
    canPublish: (client, room, event, data) =>
      client.uid !== 'eve' && room === 'r' && event === 'chat' && data !== 'bad',
  });
  const [bob, ann, eve] = await Promise.all([connect('bob'), connect('ann'), connect('eve')]);
  await bob.emitWithAck('go:join', 'r');
  const heard: unknown[] = [];
  bob.onAny((event, { message }) => !event.startsWith('go:') && heard.push(message));
  const refused = refusedWith('publish_refused');
  expect(await eve.emitWithAck('room', { room: 'r', event: 'chat', message: 'eve' })).toEqual(refused);
  expect(await ann.emitWithAck('room', { room: 'r', event: 'other', message: 'other' })).toEqual(refused);
  expect(await ann.emitWithAck('room', { room: 'r', event: 'chat', message: 'bad' })).toEqual(refused);
  expect(await ann.emitWithAck('go:leave', 'never')).toMatchObject({ ok: true, rooms: [] });
  // Joining alone publishes nothing, so `canPublish` is not asked.
  expect(await eve.emitWithAck('room', { room: 'r', event: 'chat', noBroadcast: true })).toMatchObject({ ok: true });
  const last = nextEvent(bob, 'chat');
  expect(await ann.emitWithAck('room', { room: 'r', event: 'chat', message: 'good' })).toMatchObject({ ok: true });
  await last;
  expect(heard).toEqual(['good']);
});

test.each(faults)('canJoin or canPublish that %s lets nothing through', async (_name, fault, code) => {
  const { server, connect, lines } = await startWith(
    { canJoin: (_client, room) => (room === 'a' ? fault() : true), canPublish: fault },
    { hooks: { timeoutMs: 50 } },
  );
  const ann = await connect('ann');
  expect(await ann.emitWithAck('go:join', 'a')).toEqual(refusedWith(code));
  expect(await ann.emitWithAck('room', { room: 'a' })).toEqual(refusedWith(code));
  expect(await ann.emitWithAck('room', { room: 'b', event: 'x' })).toEqual(refusedWith(code));
  const rooms = [...(server.io.sockets.sockets.get(ann.id ?? '')?.rooms ?? [])];
  expect(rooms.sort()).toEqual([ann.id, 'u:ann'].sort());
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(3);
});

test('what a client asks for is done in its order, however long the hook thinks about each', async () => {
  const waiting: (() => void)[] = [];
  const { connect } = await startWith({
    canJoin: (_client, room) => (room === 'slow' ? new Promise((resolve) => waiting.push(() => resolve(true))) : true),
    canPublish: (_client, _room, _event, data) =>
      data === 'first' ? new Promise((resolve) => waiting.push(() => resolve(true))) : true,
  });
  const [ann, bob] = await Promise.all([connect('ann'), connect('bob')]);
  await bob.emitWithAck('go:join', 'r');
  const heard: unknown[] = [];
  bob.on('chat', ({ message }) => heard.push(message));
  const first = ann.emitWithAck('room', { room: 'r', event: 'chat', message: 'first' });
  const second = ann.emitWithAck('room', { room: 'r', event: 'chat', message: 'second' });
  await expect.poll(() => waiting.length).toBe(1);
  waiting.pop()?.();
  await Promise.all([first, second]);
  await expect.poll(() => heard.length).toBe(2);
  expect(heard).toEqual(['first', 'second']);
  const enters = ann.emitWithAck('go:join', 'slow');
  const leaves = ann.emitWithAck('go:leave', 'slow');
  await expect.poll(() => waiting.length).toBe(1);
  waiting.pop()?.();
  expect([await enters, await leaves]).toMatchObject([
    { ok: true, rooms: ['slow'], count: 2 },
    { ok: true, rooms: ['slow'], count: 1 },
  ]);
});

test('a client that goes while the hook decides stays in no room, and one that asks for too much is told', async () => {
  const waiting: (() => void)[] = [];
  const { server, connect } = await startWith({
    canJoin: () => new Promise((resolve) => waiting.push(() => resolve(true))),
  });
  const ann = await connect('ann');
  const asked = Array.from({ length: 1_001 }, () => ann.emitWithAck('go:join', 'a'));
  expect(await asked.at(-1)).toEqual(refusedWith('too_many_requests'));
  for (const one of asked) one.catch(() => {});
  const gone = new Promise((resolve) => server.io.sockets.sockets.get(ann.id ?? '')?.once('disconnect', resolve));
  ann.disconnect();
  await gone;
  waiting[0]?.();
  // The one after it is asked when the first is over.
  await expect.poll(() => waiting.length).toBe(2);
  expect(server.io.sockets.adapter.rooms.size).toBe(0);
});

test('onMessage answers events that nobody else knows', async () => {
  const asked: string[] = [];
  const { connect } = await startWith({
    async onMessage(client, event, data) {
      asked.push(event);
      return event === 'nothing' ? undefined : { uid: client.uid, event, data };
    },
    setup(io) {
      io.on('connection', (socket) => socket.on('own', (answer) => answer('own')));
      return () => void io.removeAllListeners('connection');
    },
  });
  const ann = await connect('ann');
  expect(await ann.emitWithAck('sum', [1, 2], 'more')).toEqual({ uid: 'ann', event: 'sum', data: [1, 2] });
  expect(await ann.emitWithAck('bare')).toEqual({ uid: 'ann', event: 'bare' });
  expect(await ann.emitWithAck('nothing')).toBeFalsy();
  expect(await ann.emitWithAck('own')).toBe('own');
  expect(await ann.emitWithAck('room', { room: 'a' })).toMatchObject({ ok: true, rooms: ['a'] });
  expect(await ann.emitWithAck('go:later', 1)).toEqual(refusedWith('event_invalid'));
  expect(asked).toEqual(['sum', 'bare', 'nothing']);
});

test.each([
  ...faults.slice(0, 3),
  ['returns what cannot be sent', (() => ({ big: 5n })) as unknown as () => never, 'server_hook_bad_value'],
] as typeof faults)('onMessage that %s is a failure of the hook', async (_name, fault, code) => {
  const { connect } = await startWith({ onMessage: fault }, { hooks: { timeoutMs: 50 } });
  const ann = await connect('ann');
  ann.emit('x');
  expect(await ann.emitWithAck('x')).toEqual(refusedWith(code));
  expect(await ann.emitWithAck('room', { room: 'still here' })).toMatchObject({ ok: true });
});

test('an edit of the file decides for open connections at once, and setup is undone and done anew', async () => {
  const hookOf = (version: string, allows: string) => `
    export default {
      canJoin: (client, room) => room === ${JSON.stringify(allows)},
      setup(io, push, clientOf) {
        const greet = (socket) => socket.on('version', (answer) => answer(${JSON.stringify(version)} + clientOf(socket).uid));
        for (const socket of io.sockets.sockets.values()) greet(socket);
        io.on('connection', greet);
        return () => {
          io.off('connection', greet);
          for (const socket of io.sockets.sockets.values()) socket.removeAllListeners('version');
        };
      },
    };`;
  const { location, write } = await makeProject(hookOf('one ', 'a'));
  const { connect, next } = await startWith(location);
  const ann = await connect('ann');
  expect(await ann.emitWithAck('go:join', 'b')).toEqual(refusedWith('join_refused'));
  expect(await ann.emitWithAck('version')).toBe('one ann');
  await write(hookOf('two ', 'b'));
  await next(/hooks reloaded/);
  expect(await ann.emitWithAck('go:join', 'b')).toMatchObject({ ok: true, rooms: ['b'] });
  expect(await ann.emitWithAck('version')).toBe('two ann');
  expect(await (await connect('bob')).emitWithAck('version')).toBe('two bob');

  await write('export default { canJoin: 5 };');
  expect((await next(/not reloaded/)).fields.problem).toMatch(
    /server\.local\.mjs: canJoin: found a number, wanted a function/,
  );
  await write(hookOf('three ', 'c').replace('const greet', 'throw new Error("no database"); const greet'));
  expect((await next(/not reloaded/)).fields.problem).toMatch(/server\.local\.mjs: setup: it threw: no database/);
  expect(await ann.emitWithAck('go:join', 'c')).toEqual(refusedWith('join_refused'));
  expect(await ann.emitWithAck('version')).toBe('two ann');
});

test('setup that returns nothing to undo it is not run twice', async () => {
  const hookOf = (version: number) => `
    export default { setup() { globalThis.setups = (globalThis.setups ?? 0) + 1; }, onMessage: () => ${version} };`;
  const { location, write } = await makeProject(hookOf(1));
  const { connect, next } = await startWith(location);
  const ann = await connect('ann');
  await write(hookOf(2));
  await next(/returned no function to undo it/);
  await next(/hooks reloaded/);
  expect(await ann.emitWithAck('x')).toBe(2);
  expect((globalThis as unknown as { setups: number }).setups).toBe(1);
});

test('a server hook that is new while running is taken up', async () => {
  const { dir, location } = await makeProject('export default { canJoin: () => true };');
  await rm(join(dir, 'hooks'), { recursive: true });
  const { connect, next } = await startWith(location);
  const ann = await connect('ann');
  expect(await ann.emitWithAck('go:join', 'a')).toMatchObject({ ok: true });
  await mkdir(join(dir, 'new'));
  await writeFile(join(dir, 'new/server.ts'), 'export default { canJoin: (): boolean => false };');
  await rename(join(dir, 'new'), join(dir, 'hooks'));
  await next(/hooks reloaded/);
  expect(await ann.emitWithAck('go:join', 'b')).toEqual(refusedWith('join_refused'));
});

test.each([
  ['a syntax error', 'export default {', /server\.local\.mjs: line 1/],
  [
    'a function',
    'export default () => true',
    /server\.local\.mjs: found a function, wanted an object with some of onConnect/,
  ],
  ['nothing', '', /server\.local\.mjs: found an empty object, wanted an object with some of/],
  ['a typo', 'export default { canjoin: () => true }', /canjoin: found an unknown function; did you mean canJoin\?/],
  ['no function', 'export default { canJoin: true }', /canJoin: found a boolean, wanted a function/],
])('%s stops the start, and is said by a check', async (_name, text, message) => {
  const { location } = await makeProject(text);
  await expect(startPushServers(1, {}, { hooks: location })).rejects.toThrow(message);
  expect(await checkServerHook(location)).toEqual([
    expect.objectContaining({ name: 'server', problem: expect.stringMatching(message) }),
  ]);
});

test.each([
  ['throws', 'setup() { throw new Error("no database"); }', /setup: it threw: no database/],
  ['takes too long', 'setup: () => new Promise(() => {})', /setup: it took longer than 50 ms/],
  ['returns something else', 'setup: () => 5', /setup: wanted a function to undo it, or nothing/],
])('setup that %s stops the start', async (_name, text, message) => {
  const { location } = await makeProject(`export default { ${text} };`);
  await expect(startPushServers(1, { hooks: { timeoutMs: 50 } }, { hooks: location })).rejects.toThrow(message);
});

test('canJoin or canPublish without a return is said once, and one that has allowed something is not suspected', async () => {
  const { connect, lines } = await startWith({
    canJoin: (() => {}) as () => boolean,
    canPublish: (_client, room) => (room === 'open' ? true : (undefined as unknown as boolean)),
  });
  const ann = await connect('ann');
  for (const room of ['a', 'b']) expect(await ann.emitWithAck('go:join', room)).toEqual(refusedWith('join_refused'));
  const told = (): string[] => lines.filter(({ level }) => level === 'warn').map(({ fields }) => String(fields.hook));
  expect(told()).toEqual([expect.stringMatching(/: canJoin$/)]);
});
