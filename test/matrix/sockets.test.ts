import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { createClient as createGraphqlClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import mqtt from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket, { createWebSocketStream, WebSocketServer } from 'ws';
import { noBrowser, startBrowser } from '../support/browser.ts';
import { startTestAgent } from '../support/gateway.ts';
import { socketClients } from './clients.ts';
import { listen, makeFolder, startVite } from './targets.ts';

// The same copy as graphql-ws has: that library takes no schema of another one.
const { buildSchema } = createRequire(import.meta.url)('graphql') as typeof import('graphql');

/*
 * Protocols over WebSocket and Server-Sent Events as people use them, with an agent between that has its defaults.
 */
async function agentTo(port: number): Promise<{ url: string; socketUrl: string }> {
  const { url } = await startTestAgent({ agent: () => 'ann', router: { default: { ip: '127.0.0.1', port } } });
  return { url, socketUrl: url.replace('http', 'ws') };
}

test.each(socketClients.filter(({ isHere }) => isHere))(
  '$name has what it sends back through an agent',
  async ({ echo }) => {
    const http = createServer();
    const server = new WebSocketServer({ server: http, perMessageDeflate: true });
    server.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    const { socketUrl } = await agentTo(await listen(http));
    const texts = ['a', 'b'.repeat(40_000), 'ä 日本 \u{1f600}'];
    expect(await echo(`${socketUrl}/echo`, texts)).toEqual(texts);
  },
);

test('a subscription of graphql-ws yields what its source yields, and ends with it', async () => {
  const schema = buildSchema('type Query { hello: String } type Subscription { count(to: Int!): Int }');
  const roots = {
    query: { hello: () => 'world' },
    subscription: {
      async *count({ to }: { to: number }) {
        for (let count = 1; count <= to; count++) yield { count };
      },
    },
  };
  const http = createServer();
  const stop = useServer({ schema, roots }, new WebSocketServer({ server: http, path: '/graphql' }));
  onTestFinished(() => stop.dispose());
  const { socketUrl } = await agentTo(await listen(http));
  const client = createGraphqlClient({ url: `${socketUrl}/graphql`, webSocketImpl: WebSocket });
  onTestFinished(() => client.dispose());
  const counts: unknown[] = [];
  for await (const { data } of client.iterate({ query: 'subscription { count(to: 3) }' })) counts.push(data);
  expect(counts).toEqual([{ count: 1 }, { count: 2 }, { count: 3 }]);
  for await (const { data } of client.iterate({ query: '{ hello }' })) expect(data).toEqual({ hello: 'world' });
});

test('MQTT over WebSocket: who has subscribed gets what another one publishes, retained messages too', async () => {
  const broker = await Aedes.createBroker();
  onTestFinished(() => new Promise<void>((resolve) => broker.close(() => resolve())));
  const http = createServer();
  const server = new WebSocketServer({ server: http, handleProtocols: () => 'mqtt' });
  server.on('connection', (socket, request) => broker.handle(createWebSocketStream(socket), request));
  const { socketUrl } = await agentTo(await listen(http));
  const connect = async () => {
    const client = await mqtt.connectAsync(`${socketUrl}/mqtt`, { reconnectPeriod: 0 });
    onTestFinished(() => client.endAsync(true));
    return client;
  };
  const [one, two] = [await connect(), await connect()];
  await two.publishAsync('lamps/kitchen', 'off', { qos: 1, retain: true });
  const heard: string[] = [];
  const both = new Promise<void>((resolve) => {
    one.on('message', (topic, message) => {
      if (heard.push(`${topic} ${message}`) === 2) resolve();
    });
  });
  await one.subscribeAsync('lamps/#', { qos: 1 });
  await two.publishAsync('lamps/hall', 'on', { qos: 1 });
  await both;
  expect(heard.toSorted()).toEqual(['lamps/hall on', 'lamps/kitchen off']);
});

test.skipIf(noBrowser !== undefined)(
  'a page of Vite changes in Chromium as soon as its source does',
  { timeout: 60_000 },
  async () => {
    const dir = await makeFolder();
    await mkdir(join(dir, 'src'));
    await writeFile(join(dir, 'index.html'), '<p id="text"></p><script type="module" src="/src/main.js"></script>');
    await writeFile(join(dir, 'src', 'text.js'), "export const text = 'before';\n");
    await writeFile(
      join(dir, 'src', 'main.js'),
      `import { text } from './text.js';
const show = (text) => { document.getElementById('text').textContent = text; };
show(text);
window.loads = 'once';
import.meta.hot.accept('./text.js', (changed) => show(changed.text));
`,
    );
    const { url } = await agentTo(await startVite(dir));
    const browser = await startBrowser();
    const page = await browser.newPage();
    const connected = page.waitForEvent('console', (message) => /\[vite\] connected/.test(message.text()));
    await page.goto(url);
    await connected;
    await expect.poll(() => page.textContent('#text')).toBe('before');
    await page.evaluate("window.loads = 'still the same page'");
    const source = join(dir, 'src', 'text.js');
    await writeFile(source, (await readFile(source, 'utf8')).replace('before', 'after'));
    await expect.poll(() => page.textContent('#text'), { timeout: 15_000 }).toBe('after');
    expect(await page.evaluate('window.loads')).toBe('still the same page');
  },
);

test.skipIf(noBrowser !== undefined)(
  'a page of another origin reads responses and events of a target that allows it',
  { timeout: 60_000 },
  async () => {
    const target = createServer((request, response) => {
      const origin = request.headers.origin ?? '';
      const allowed = {
        'access-control-allow-origin': origin,
        'access-control-allow-headers': 'authorization, content-type',
      };
      if (request.method === 'OPTIONS') response.writeHead(204, allowed).end();
      else if (request.url?.startsWith('/events') === true) {
        response.writeHead(200, { ...allowed, 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
        setTimeout(() => response.write('id: 2\ndata: 2\n\n'), 50);
      } else response.writeHead(200, allowed).end(`${request.headers.authorization}`);
    });
    const pages = createServer((_request, response) => response.end('<!doctype html>'));
    const pagePort = await listen(pages);
    const { url } = await startTestAgent(
      // A preflight has no credentials: only the target can say yes to it.
      { agent: () => 'ann', router: { default: { ip: '127.0.0.1', port: await listen(target) } } },
      { access: { allowedOrigins: [`http://localhost:${pagePort}`] }, routing: { preflight: 'pass' } },
    );
    const browser = await startBrowser();
    const page = await browser.newPage();
    await page.goto(`http://localhost:${pagePort}/`);
    const read = await page.evaluate(
      `fetch('${url}/read', { headers: { authorization: 'Bearer x' } }).then((response) => response.text())`,
    );
    expect(read).toBe('Bearer x');
    const events = await page.evaluate(`new Promise((resolve, reject) => {
    const all = [];
    const source = new EventSource('${url}/events');
    source.onerror = () => reject(new Error('no events'));
    source.onmessage = ({ data }) => { if (all.push(data) === 2) { source.close(); resolve(all); } };
  })`);
    expect(events).toEqual(['1', '2']);
  },
);
