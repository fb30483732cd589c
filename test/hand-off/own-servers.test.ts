import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { acceptHandOffs, type HandOffs } from 'gopush';
import { createClient as createGraphqlClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { Server as SocketIoServer } from 'socket.io';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { listen, makeFolder } from '../matrix/targets.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { connectClient } from '../support/socket-io.ts';

// The same copy as graphql-ws has: that library takes no schema of another one.
const { buildSchema } = createRequire(import.meta.url)('graphql') as typeof import('graphql');

/** A server of one's own that takes hand-offs, behind an agent. */
async function startBehindAgent(server: Server) {
  const dir = await makeFolder();
  const handOffs = acceptHandOffs(server, { dir });
  const port = await listen(server);
  expect(await handOffs.settled()).toBeUndefined();
  const start = () =>
    startTestAgent(
      { agent: believing, onupgrade: believing, router: { default: [{ ip: '127.0.0.1', ports: [port] }] } },
      { handOff: { enabled: true, dir } },
    );
  return { handOffs, start, agent: await start() };
}

/** Until an agent knows that the server takes hand-offs, its clients come by the port. */
async function whenTaken<T>(handOffs: HandOffs, connect: () => Promise<T>): Promise<T> {
  for (;;) {
    const client = await connect();
    if (handOffs.size > 0) return client;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function open(url: string): Promise<WebSocket> {
  const webSocket = new WebSocket(`${url.replace('http', 'ws')}/?user=ann`);
  onTestFinished(() => webSocket.terminate());
  await once(webSocket, 'open');
  return webSocket;
}

test('a client of a ws server does not notice that the agent ends, and the next agent owns its connection as well', async () => {
  const server = createServer();
  new WebSocketServer({ server }).on('connection', (webSocket) => {
    webSocket.on('message', (data) => webSocket.send(`echo ${data}`));
  });
  const { handOffs, agent, start } = await startBehindAgent(server);
  const client = await whenTaken(handOffs, () => open(agent.url));
  let closed: number | undefined;
  client.on('close', (code) => (closed = code));
  const echo = async (text: string): Promise<string> => {
    client.send(text);
    return String((await once(client, 'message'))[0]);
  };
  expect(await echo('before')).toBe('echo before');
  await agent.close();
  await expect.poll(() => handOffs.alone).toBe(1);
  expect(await echo('without an agent')).toBe('echo without an agent');
  await start();
  await expect.poll(() => handOffs.alone).toBe(0);
  expect(await echo('after')).toBe('echo after');
  expect(closed).toBeUndefined();
});

test('a subscription of graphql-ws goes on while the agent ends', async () => {
  const server = createServer();
  let publish = (_n: number): void => {};
  const schema = buildSchema('type Query { a: Int } type Subscription { numbers: Int }');
  const roots = {
    subscription: {
      async *numbers() {
        for (;;) yield { numbers: await new Promise<number>((resolve) => (publish = resolve)) };
      },
    },
  };
  const stop = useServer({ schema, roots }, new WebSocketServer({ server, path: '/graphql' }));
  onTestFinished(async () => void (await stop.dispose()));
  const { handOffs, agent } = await startBehindAgent(server);
  const heard: unknown[] = [];
  await whenTaken(handOffs, async () => {
    const url = `${agent.url.replace('http', 'ws')}/graphql?user=ann`;
    const client = createGraphqlClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });
    onTestFinished(async () => void (await client.dispose()));
    const opened = new Promise((resolve) => client.on('connected', resolve));
    client.subscribe(
      { query: 'subscription { numbers }' },
      { next: ({ data }) => heard.push(data?.numbers), error: (error) => heard.push(error), complete() {} },
    );
    await opened;
  });
  const tell = async (n: number): Promise<void> => {
    await expect
      .poll(() => {
        publish(n);
        return heard;
      })
      .toContain(n);
  };
  await tell(1);
  await agent.close();
  await tell(2);
});

test('clients of Socket.IO that begin with long-polling are handed over when they change to WebSocket', async () => {
  const server = createServer();
  const io = new SocketIoServer(server);
  onTestFinished(async () => void (await io.close()));
  io.on('connection', (socket) => socket.on('echo', (text, ack) => ack(`echo ${text}`)));
  const { handOffs, agent } = await startBehindAgent(server);
  const client = await whenTaken(handOffs, () => connectClient(`${agent.url}?user=ann`, 'upgrade'));
  await agent.close();
  expect(await client.emitWithAck('echo', 'hello')).toBe('echo hello');
});

test('of two servers at the same port of different addresses each gets its own clients', async () => {
  const dir = await makeFolder();
  const servers = ['127.0.0.1', '127.0.0.2'].map((address) => {
    const server = createServer();
    new WebSocketServer({ server }).on('connection', (webSocket) => webSocket.send(address));
    const handOffs = acceptHandOffs(server, { dir });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { server, address, handOffs };
  });
  let port = 0;
  for (const { server, address, handOffs } of servers) {
    server.listen(port, address);
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    expect(await handOffs.settled()).toBeUndefined();
  }
  const router = Object.fromEntries(servers.map(({ address }) => [address, [{ ip: address, ports: [port] }]]));
  const agent = await startTestAgent(
    { agent: believing, onupgrade: believing, router },
    { handOff: { enabled: true, dir } },
  );
  for (const { address, handOffs } of servers) {
    await whenTaken(handOffs, async () => {
      const webSocket = new WebSocket(`${agent.url.replace('http', 'ws')}/?user=ann&product=${address}`);
      onTestFinished(() => webSocket.terminate());
      const [greeting] = await once(webSocket, 'message');
      expect(String(greeting)).toBe(address);
    });
  }
});
