import { expect, test } from 'vitest';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import {
  connectClient,
  nextEvent,
  openClient,
  startOwnService,
  type Transport,
  type Who,
} from '../support/socket-io.ts';

const transports: Transport[] = ['websocket', 'polling', 'upgrade'];

async function ask(url: string, transport: Transport, query: Record<string, string>): Promise<Who> {
  const client = await connectClient(url, transport, { query });
  return client.emitWithAck('who');
}

test.each(transports)('a product by function sends each uid where the function says, by %s', async (transport) => {
  const [red, blue] = await Promise.all([startOwnService('red'), startOwnService('blue')]);
  const agent = await startTestAgent({
    agent: believing,
    router: {
      chat: async (_request: unknown, uid: string) => (uid === 'ann' ? red : { ip: blue.ip, port: blue.port }),
    },
  });
  expect(await ask(agent.url, transport, { product: 'chat', user: 'ann' })).toMatchObject({ name: 'red', uid: 'ann' });
  expect(await ask(agent.url, transport, { product: 'chat', user: 'bob' })).toMatchObject({ name: 'blue', uid: 'bob' });
});

test.each(transports)('a product by array keeps each uid on one of its targets, by %s', async (transport) => {
  const services = await Promise.all(['a', 'b', 'c', 'd'].map(startOwnService));
  const agent = await startTestAgent({
    agent: believing,
    router: { chat: [{ ip: '127.0.0.1', ports: services.map((service) => service.port) }] },
  });
  const seen = new Set<string>();
  for (const user of ['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal']) {
    const first = await ask(agent.url, transport, { product: 'chat', user });
    const second = await ask(agent.url, transport, { product: 'chat', user });
    expect(second.name).toBe(first.name);
    seen.add(first.name);
  }
  expect(seen.size).toBeGreaterThan(1);
});

test.each(transports)('without a product the default serves, by %s', async (transport) => {
  const service = await startOwnService('default');
  const agent = await startTestAgent({ agent: believing, router: { default: service } });
  expect(await ask(agent.url, transport, { user: 'ann' })).toMatchObject({ name: 'default' });
});

test('polling and the upgrade to WebSocket land on the same target, and the uid is the resolved one', async () => {
  const services = await Promise.all(['a', 'b', 'c'].map(startOwnService));
  const ports = services.map((service) => service.port);
  const agent = await startTestAgent({ agent: believing, router: { default: [{ ip: '127.0.0.1', ports }] } });
  for (let index = 0; index < 10; index++) {
    const who = await ask(agent.url, 'upgrade', { user: `user-${index}`, uid: 'eve' });
    expect(who).toMatchObject({ uid: `user-${index}`, transport: 'websocket' });
  }
});

test('cookies reach the target on both legs', async () => {
  const service = await startOwnService('x');
  const agent = await startTestAgent({ agent: () => 'ann', router: { default: service } });
  for (const transport of transports) {
    const client = await connectClient(agent.url, transport, { extraHeaders: { cookie: 'theme=dark' } });
    expect(await client.emitWithAck('who')).toMatchObject({ cookie: 'theme=dark' });
  }
});

test('100 uids spread evenly over 4 targets and stay put', async () => {
  const services = await Promise.all(['a', 'b', 'c', 'd'].map(startOwnService));
  const ports = services.map((service) => service.port);
  const agent = await startTestAgent({ agent: believing, router: { default: [{ ip: '127.0.0.1', ports }] } });
  const uids = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  const askAll = (transport: Transport) =>
    Promise.all(uids.map(async (user) => (await ask(agent.url, transport, { user })).name));
  const first = await askAll('websocket');
  expect(await askAll('polling')).toEqual(first);
  const counts = services.map(({ name }) => first.filter((one) => one === name).length);
  expect(Math.min(...counts)).toBeGreaterThan(10);
  expect(Math.max(...counts)).toBeLessThan(40);
});

test.each(transports)('the built-in server greets with go:push and says who is who, by %s', async (transport) => {
  const servers = await startPushServers(1);
  const agent = await startTestAgent({ agent: believing, router: { default: targetsOf(servers) } });
  const client = openClient(agent.url, transport, { query: { user: 'ann' } });
  const [greeting, welcome] = await Promise.all([nextEvent(client, 'go:push'), nextEvent(client, 'go:welcome')]);
  expect(greeting).toBe('hello world');
  expect(welcome).toEqual({ uid: 'ann', product: 'default', agent: 'agent-0', server: 'push-server-0' });
});

test('two clients on two push-servers meet in a room and answer each other', async () => {
  const servers = await startPushServers(2);
  const ports = servers.map((server) => server.port);
  const agent = await startTestAgent({
    agent: believing,
    router: {
      default: (_request: unknown, uid: string) => ({ ip: '127.0.0.1', port: ports[uid === 'ann' ? 0 : 1] ?? 0 }),
    },
  });
  const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  const bob = await connectClient(agent.url, 'polling', { query: { user: 'bob' } });
  await Promise.all([ann.emitWithAck('room', { room: 'lobby' }), bob.emitWithAck('room', { room: 'lobby' })]);
  const heard = nextEvent(bob, 'chat');
  ann.emit('room', { room: 'lobby', event: 'chat', message: 'hello' });
  expect(await heard).toEqual({ room: 'lobby', event: 'chat', message: 'hello' });
  const answered = nextEvent(ann, 'chat');
  bob.emit('room', { room: 'lobby', event: 'chat', message: 'hello yourself' });
  expect(await answered).toMatchObject({ message: 'hello yourself' });
});

test('a client that the hooks do not know is refused on both legs', async () => {
  const agent = await startTestAgent({ agent: () => undefined, router: { default: 'push-server' } });
  for (const transport of ['websocket', 'polling'] as const) {
    await expect(connectClient(agent.url, transport)).rejects.toMatchObject({
      message: /websocket error|xhr poll error/,
    });
  }
});
