import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { checkHooks } from '@gopush/agent/for-checks';
import type { UrlTarget } from '@gopush/contract';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../../packages/agent/test/support/certificate.ts';
import { noBrowser, startBrowser } from '../support/browser.ts';
import { gopush, makeFolder, makeProject } from '../support/cli.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient, type Transport } from '../support/socket-io.ts';

const transports: readonly Transport[] = ['websocket', 'polling', 'upgrade'];

async function portOf(server: NetServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function readCertificate(): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  const { certFile, keyFile } = await makeCertificate(await makeFolder(), 'target');
  return { cert: await readFile(certFile), key: await readFile(keyFile) };
}

test('every example of docs/routing.md is taken', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/routing.md'), 'utf8');
  const examples = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code as string);
  expect(examples.length).toBeGreaterThanOrEqual(2);
  const { certFile } = await makeCertificate(await makeFolder(), 'ca');
  for (const code of examples) {
    const dir = await makeFolder();
    await mkdir(join(dir, 'hooks'));
    // As npm install would.
    await mkdir(join(dir, 'node_modules'));
    await symlink(join(import.meta.dirname, '../../packages/cli'), join(dir, 'node_modules/gopush'));
    await writeFile(join(dir, 'hooks/router.js'), code.replaceAll('tls/ca.pem', certFile));
    const { hooks } = await checkHooks({ dir, environment: 'test' });
    const router = hooks.find(({ name }) => name === 'router');
    expect(router?.file).toBe(join(dir, 'hooks/router.js'));
    expect(router).not.toHaveProperty('problem');
  }
});

test('gopush check names the file, the key, what was found and what is wanted', { timeout: 60_000 }, async () => {
  const { dir } = await makeProject();
  const check = async (router: string): Promise<string> => {
    await writeFile(join(dir, 'hooks/router.local.js'), `module.exports = ${router};`);
    const { stdout, stderr } = await gopush(['check', '--no-ports'], { cwd: dir });
    return stdout + stderr;
  };
  expect(await check(`{ shop: 'http://127.0.0.1:1', routes: [{ path: '/shop', product: 'shpo' }] }`)).toMatch(
    /✗ hook router: \S*router\.local\.js: routes\[0\]: product: found "shpo", wanted a product of this router: default, shop/,
  );
  expect(await check(`{ shop: 'https://ann:geheim@a' }`)).toMatch(
    /✗ hook router: \S*router\.local\.js: shop: found a user name or password in the URL of a target/,
  );
});

test('gopush check tries listed targets as they are spoken to', { timeout: 60_000 }, async () => {
  const { dir } = await makeProject();
  const server = createTlsServer(await readCertificate());
  const url = `https://localhost:${await portOf(server)}`;
  await writeFile(
    join(dir, 'hooks/router.local.js'),
    `module.exports = { gone: 'unix:/no/app.sock', own: '${url}', taken: { url: '${url}', tls: { rejectUnauthorized: false } } };`,
  );
  const { stdout, code } = await gopush(['check', '--no-ports'], { cwd: dir });
  expect([stdout, code]).toEqual([
    expect.stringMatching(/! target: product gone: unix:\/no\/app\.sock does not accept connections \(ENOENT\)/),
    0,
  ]);
  expect(stdout).toMatch(
    /! target: product own: https:\S+ does not accept connections \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
  );
  expect(stdout).not.toMatch(/product taken/);
});

test.each(transports)('a stock Socket.IO client reaches push-servers below a path by %s', async (transport) => {
  const servers = await startPushServers(2);
  const router = {
    default: { ip: '127.0.0.1', port: 1 },
    chat: targetsOf(servers),
    routes: [{ path: '/live/chat', product: 'chat', stripPath: true }],
  };
  const agent = await startTestAgent({ agent: believing, router });
  const client = await connectClient(agent.url, transport, {
    path: '/live/chat/socket.io/',
    query: { user: 'ann', product: 'of the page' },
  });
  expect(await client.emitWithAck('go:join', 'room')).toMatchObject({ ok: true });
});

test('sessions below a stripped path migrate with their product, and know nothing of it', async () => {
  const servers = await startPushServers(2, { pushServer: { drainMs: 5_000 } });
  const router = {
    default: { ip: '127.0.0.1', port: 1 },
    chat: targetsOf(servers),
    routes: [{ path: '/chat', product: 'chat', stripPath: true }],
  };
  const agent = await startTestAgent({ agent: believing, router });
  const options = { path: '/chat/socket.io/', query: { user: 'ann' } };
  const client = await connectClient(agent.url, 'websocket', options);
  const { id } = client;
  let cuts = 0;
  client.on('disconnect', () => cuts++);
  await client.emitWithAck('go:join', 'room');
  const [own] = servers.filter((server) => server.io.sockets.sockets.has(id as string));
  await own?.close();
  expect(await client.emitWithAck('go:join', 'another')).toMatchObject({ ok: true });
  expect([cuts, client.id]).toEqual([0, id]);
});

/** TLS before a push-server, as a sidecar ends it. */
async function startSidecar(port: number): Promise<UrlTarget & { cut(): void }> {
  const { cert, key } = await readCertificate();
  const open = new Set<{ destroy(): void }>();
  const behind = new Set<{ destroy(): void }>();
  onTestFinished(() => {
    for (const one of behind) one.destroy();
  });
  const server = createTlsServer({ cert, key }, (socket) => {
    const inner = connect(port, '127.0.0.1');
    for (const one of [socket, inner]) one.on('error', () => {});
    open.add(socket);
    behind.add(inner);
    socket.pipe(inner).pipe(socket);
    inner.once('close', () => socket.destroy());
  });
  const url = `https://localhost:${await portOf(server)}`;
  return {
    url,
    tls: { ca: cert },
    /** The push-server behind it does not see its clients close: otherwise it would remove their sessions, which a crashed one cannot do. */
    cut() {
      server.close();
      for (const one of open) one.destroy();
    },
  };
}

test.each(['planned', 'crash'])('sessions move between targets of TLS: %s', async (cause) => {
  const servers = await startPushServers(2, { pushServer: { drainMs: 5_000 } });
  const sidecars = await Promise.all(servers.map(({ port }) => startSidecar(port)));
  const targets = sidecars.map(({ url, tls }) => ({ url, tls }) as UrlTarget);
  const agent = await startTestAgent({ agent: believing, router: { default: targets } });
  const clients = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      connectClient(agent.url, 'websocket', { query: { user: `user-${index}` } }),
    ),
  );
  let cuts = 0;
  for (const client of clients) {
    client.on('disconnect', () => cuts++);
    await client.emitWithAck('go:join', 'room');
  }
  if (cause === 'planned') await servers[0]?.close();
  else sidecars[0]?.cut();
  const heard = clients.map((client) => new Promise((resolve) => client.once('news', resolve)));
  // What a target had read when it crashed is lost, so it is asked again.
  const join = (client: Socket): Promise<unknown> =>
    client
      .timeout(2_000)
      .emitWithAck('go:join', 'other')
      .catch(() => join(client));
  for (const client of clients) expect(await join(client)).toMatchObject({ ok: true });
  servers[1]?.push.toRoom('room', 'news', 'hello');
  await Promise.all(heard);
  expect(cuts).toBe(0);
});

test.each(transports)('a stock Socket.IO client reaches a server of TLS by %s', async (transport) => {
  const { cert, key } = await readCertificate();
  const http = createSecureServer({ cert, key });
  const server = new Server(http);
  onTestFinished(() => void server.close());
  server.on('connection', (socket) => {
    socket.on('echo', (value, answer) => answer(value, socket.handshake.headers['x-gopush-uid']));
  });
  const target = { url: `wss://localhost:${await portOf(http)}`, tls: { ca: cert } };
  const agent = await startTestAgent({
    agent: believing,
    router: { own: target, routes: [{ path: '/', product: 'own' }] },
  });
  const client = await connectClient(agent.url, transport, { query: { user: 'ann' } });
  const large = 'x'.repeat(900_000);
  const answer = await new Promise((resolve) => client.emit('echo', large, (...values: unknown[]) => resolve(values)));
  expect(answer).toEqual([large, 'ann']);
});

/** A site whose page loads a script and opens a WebSocket by relative links. */
async function startSite(name: string): Promise<{ ip: string; port: number }> {
  const http = createServer((request, response) => {
    if (request.url?.endsWith('/app.js')) {
      response.setHeader('content-type', 'text/javascript');
      response.end(
        `const url = new URL('socket.io/', location.href);
         const socket = io({ path: url.pathname, transports: ['websocket'] });
         socket.emit('who', (answer) => { document.title = answer + ' by ${name}'; });`,
      );
      return;
    }
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><script src="socket.io/socket.io.js"></script><script src="app.js"></script>');
  });
  const server = new Server(http, { path: name === 'plain' ? '/plain/socket.io/' : '/socket.io/' });
  onTestFinished(() => void server.close());
  server.on('connection', (socket) => socket.on('who', (answer) => answer(name)));
  return { ip: '127.0.0.1', port: await portOf(http) };
}

test.skipIf(noBrowser)(
  'pages of two products load what their relative links name, each from its own product',
  async () => {
    const router = {
      plain: await startSite('plain'),
      stripped: await startSite('stripped'),
      routes: [
        { path: '/plain', product: 'plain' },
        { path: '/deep/stripped', product: 'stripped', stripPath: true },
      ],
    };
    const agent = await startTestAgent({ agent: () => 'ann', router });
    const page = await (await startBrowser()).newPage();
    for (const [path, name] of [
      ['/plain/', 'plain'],
      // Without the slash the page would look for its script elsewhere.
      ['/deep/stripped', 'stripped'],
    ]) {
      await page.goto(`${agent.url}${path}`);
      await page.waitForFunction(`document.title === '${name} by ${name}'`);
    }
  },
);
