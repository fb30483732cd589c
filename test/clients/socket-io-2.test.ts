import { once } from 'node:events';
import { anonymous, type ConfigInput, type UidHook } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import connect from 'socket.io-client-2';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { nextEvent } from '../support/socket-io.ts';

type Options = NonNullable<Parameters<typeof startPushServers>[2]>;

async function start(pushServer: ConfigInput['pushServer'] = {}, options: Options = {}) {
  const [server] = (await startPushServers(1, { pushServer: { allowEIO3: true, ...pushServer } }, options)) as [
    PushServer,
  ];
  const agent = await startTestAgent({ agent: believing, router: { default: targetsOf([server]) } });
  return { server, agent };
}

function open(url: string, options: object = {}): Socket {
  const client: Socket = connect(url, { transports: ['websocket'], forceNew: true, reconnection: false, ...options });
  onTestFinished(() => void client.disconnect());
  return client;
}

/** A client of version 3 of the protocol that does only what a test says. */
async function openRaw(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=3&transport=websocket&uid=eve&user=eve`, {
    headers,
  });
  onTestFinished(() => socket.terminate());
  const heard: string[] = [];
  socket.on('message', (data) => void heard.push(String(data)));
  const closed = once(socket, 'close').then(([code, reason]) => `${code} ${reason}`.trim());
  const answered = once(socket, 'upgrade') as Promise<[{ headers: Record<string, string> }]>;
  const [response] = await answered;
  const hears = (pattern: RegExp) => expect.poll(() => heard.some((text) => pattern.test(text))).toBe(true);
  await hears(/^40$/);
  return { socket, heard, hears, closed, headers: response.headers };
}

async function poll(url: string, version: string): Promise<unknown[]> {
  const answer = await fetch(`${url}/socket.io/?${version}&transport=polling&uid=ann&user=ann`);
  const text = await answer.text();
  return [answer.status, text.startsWith('{') ? JSON.parse(text).error.code : text];
}

async function upgrade(url: string, version: string): Promise<unknown[]> {
  const socket = new WebSocket(
    `${url.replace('http', 'ws')}/socket.io/?${version}&transport=websocket&uid=ann&user=ann`,
  );
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  socket.terminate();
  return [response.statusCode, response.headers['x-gopush-error']];
}

test('without the setting clients of Socket.IO 2 are refused with a code, and the log names the setting', async () => {
  const { lines, logger } = createMemoryLog();
  const { server, agent } = await start({ allowEIO3: false }, { logger });
  for (const { url } of [server, agent]) {
    expect(await poll(url, 'EIO=3')).toEqual([400, 'engine_version']);
    expect(await upgrade(url, 'EIO=3')).toEqual([400, 'engine_version']);
  }
  expect(JSON.stringify(lines)).toMatch(/set pushServer\.allowEIO3 to true/);
});

test('with the setting other versions than 3 and 4 are refused all the same', async () => {
  const { server } = await start();
  for (const version of ['EIO=2', 'EIO=5', 'EIO=', 'x=y', 'EIO=03']) {
    expect([version, await poll(server.url, version)]).toEqual([version, [400, 'engine_version']]);
    expect([version, await upgrade(server.url, version)]).toEqual([version, [400, 'engine_version']]);
  }
});

test('a client that pings stays, by either transport, and one that does not is closed', async () => {
  const { agent } = await start({ pingIntervalMs: 100, pingTimeoutMs: 1_000 });
  const clients = ['websocket', 'polling'].map((name) => open(`${agent.url}?user=ann`, { transports: [name] }));
  await Promise.all(clients.map((client) => nextEvent(client, 'connect')));
  const silent = await openRaw(agent.url);
  await silent.closed;
  // Until several heartbeats have come and gone.
  for (const client of clients) {
    const { engine } = client.io as unknown as { engine: { on(event: string, listener: () => void): void } };
    let pongs = 0;
    engine.on('pong', () => pongs++);
    await expect.poll(() => pongs, { timeout: 10_000 }).toBeGreaterThan(3);
    expect(client.connected).toBe(true);
  }
});

test('the query of a namespace is its auth, and who is refused there is told the code', async () => {
  const setup: Options['setup'] = (io) => {
    for (const name of ['/many-1', '/many-2']) io.of(name).on('connection', () => {});
    io.of('/room').on('connection', (socket) => socket.emit('auth', socket.handshake.auth));
    io.of('/closed').use((_socket, next) => next(new Error('not you')));
  };
  const { agent } = await start({ limits: { namespacesPerConnection: 3 } }, { setup });
  const main = open(`${agent.url}?user=ann`);
  await nextEvent(main, 'connect');
  const of = (name: string): Socket =>
    (main.io as unknown as { socket(name: string, options: object): Socket }).socket(name, { query: { token: 'a b' } });
  expect(await nextEvent(of('/room'), 'auth')).toEqual({ token: 'a b' });
  expect(await nextEvent(of('/closed'), 'error')).toBe('not you');
  await nextEvent(of('/many-1'), 'connect');
  expect(await nextEvent(of('/many-2'), 'error')).toMatchObject({ code: 'too_many_namespaces' });
});

test('a client without an identity is told so', async () => {
  const { server } = await start();
  expect(await nextEvent(open(server.url), 'error')).toMatchObject({ code: 'uid_missing' });
});

test.each(['//evil/', '/.//', '/?x=1', '/x/..'])('the limits cannot be passed by under the name %s', async (name) => {
  const seen: unknown[] = [];
  const { server } = await start(
    { limits: { messagesPerSecond: 1 } },
    {
      setup: (io) => void io.on('connection', (socket) => void socket.onAny((event) => seen.push(event))),
    },
  );
  const { socket, closed } = await openRaw(server.url);
  socket.send(`42${name},["free"]`);
  await closed;
  expect(seen).toEqual([]);
});

test('asking for the main namespace once more ends the connection, and makes no second session', async () => {
  const { server } = await start();
  const { socket, closed } = await openRaw(server.url);
  socket.send('40');
  expect(await closed).toMatch(/^4400/);
});

test('asking for the main namespace before it is let in asks the hook no second time', async () => {
  let asked = 0;
  const onConnect = async (): Promise<boolean> => {
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return true;
  };
  const { server } = await start({}, { hooks: { onConnect } });
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=3&transport=websocket&uid=eve`);
  onTestFinished(() => socket.terminate());
  const heard: string[] = [];
  socket.on('message', (data) => void heard.push(String(data)));
  socket.on('open', () => socket.send('40'));
  await expect.poll(() => heard.some((text) => text.includes('go:welcome'))).toBe(true);
  expect([asked, server.io.engine.clientsCount]).toEqual([1, 1]);
});

test('such a client gets no token to go on with, and its end is told at once', async () => {
  const left: string[] = [];
  const { server } = await start({}, { hooks: { onDisconnect: (_client, reason) => void left.push(reason) } });
  const { socket, headers } = await openRaw(server.url, { 'x-gopush-can-resume': '1' });
  expect(Object.keys(headers).filter((name) => name.startsWith('x-gopush-resume'))).toEqual([]);
  socket.terminate();
  await expect.poll(() => left).toEqual(['transport close']);
});

test('at a planned stop behind an agent it is closed with 1012', async () => {
  const { server, agent } = await start();
  const { closed } = await openRaw(agent.url);
  await server.close();
  expect(await closed).toMatch(/^1012/);
});

test('signed identities, clients without a uid, rooms of a product and marks as arguments work as with Socket.IO 4', async () => {
  const config: ConfigInput = { access: { secrets: ['0123456789abcdef'] } };
  const [server] = (await startPushServers(1, {
    ...config,
    pushServer: { allowEIO3: true, isolateProducts: true, senders: true },
  })) as [PushServer];
  const agentHook: UidHook = ({ query }) => query.user ?? anonymous;
  const hooks = { agent: agentHook, router: { default: targetsOf([server]) } };
  const agent = await startTestAgent(hooks, config);
  expect(await nextEvent(open(agent.url), 'error')).toMatchObject({ code: 'uid_missing' });
  const client = open(`${agent.url}?user=ann`);
  const ask = (...args: [string, ...unknown[]]) => new Promise((resolve) => void client.emit(...args, resolve));
  expect(await nextEvent(client, 'go:welcome')).toMatchObject({ uid: 'ann', agent: 'agent-0' });
  expect(await ask('go:marks')).toMatchObject({ ok: true });
  expect(await ask('go:join', 'den')).toMatchObject({ ok: true });
  const got = new Promise<unknown[]>((resolve) => void client.once('chat', (...args: unknown[]) => resolve(args)));
  await ask('go:publish', { room: 'den', event: 'chat', message: 'hello', echo: true });
  expect(await got).toEqual(['hello', expect.anything(), expect.stringMatching(/^[\w-]+\.1~$/)]);
});
