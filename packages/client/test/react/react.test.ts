import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { type BuildOptions, build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { noBrowser, startBrowser } from '../../../../test/support/browser.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';

/** A page that uses the hooks as a program does. */
const page = `
import { createClient } from '@gopush/client';
import { useInbox, usePresence, useRoom } from '@gopush/client/react';
import { createElement as h, StrictMode, useState, version } from 'react';
import { createRoot } from 'react-dom/client';
import { io } from 'socket.io-client';

const given = new URLSearchParams(location.search);
const socket = io({ transports: ['websocket'], query: { uid: given.get('uid') } });
const client = createClient(socket);
window.socket = socket;

function Lobby({ name }) {
  const { messages, state, error, publish } = useRoom(client, name, 'chat', { limit: 3 });
  const online = usePresence(client, name, { refreshMs: Number(given.get('refresh')) });
  return h('main', null,
    h('p', { id: 'state' }, error?.code ?? state),
    h('p', { id: 'online' }, online.join(' ')),
    h('button', { id: 'publish', onClick: () => publish('by ' + name) }),
    h('ul', { id: 'messages' }, messages.map(({ key, message, sender }) => h('li', { key }, sender + ': ' + message))));
}
function Inbox({ name }) {
  const { messages, done } = useInbox(client);
  return h('ul', { id: name }, messages.map(({ id, message }) => h('li', { key: id, onClick: () => done(id) }, message)));
}
function App() {
  const [name, setName] = useState('lobby');
  const [inboxes, setInboxes] = useState([]);
  Object.assign(window, { enter: setName, showInboxes: setInboxes, version });
  return [
    name !== '' && h(Lobby, { key: 'lobby', name }),
    ...inboxes.map((name) => h(Inbox, { key: name, name })),
  ];
}
createRoot(document.body).render(h(StrictMode, null, h(App)));
`;

async function bundle(contents: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    // Where aliases are found.
    absWorkingDir: join(import.meta.dirname, '../..'),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    define: { 'process.env.NODE_ENV': '"development"' },
    ...options,
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

test.each([
  ['@gopush/client', 3_000],
  ['@gopush/client/react', 1_350],
])('%s is as small as the docs say', async (name, most) => {
  const all = await bundle(`export * from '${name}';`, { external: ['react'] });
  const bytes = gzipSync(all, { level: 9 }).length;
  console.info(`${name}: ${bytes} bytes as packed by gzip`);
  expect(bytes).toBeLessThan(most);
});

/** The versions of React with which the hooks are used, as esbuild finds them. */
const versions = { 18: { react: 'react-18', 'react-dom': 'react-dom-18' }, 19: {} };

/** A push-server that serves the page. */
async function servePage(alias: Record<string, string>, presenceEvents = true) {
  /** Rooms that nobody may join. */
  const closed = new Set(['closed']);
  const dir = await mkdtemp(join(tmpdir(), 'gopush-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'page.js'), await bundle(page, { alias }));
  await writeFile(join(dir, 'index.html'), '<!doctype html><body></body><script type="module" src="page.js"></script>');
  const server = await startPushServer({
    config: { serverPortStart: 0, pushServer: { publicDir: dir, senders: true, presenceEvents, graceMs: 0 } },
    dir,
    hooks: { canJoin: (_client, room) => !closed.has(room), canPublish: () => true },
  });
  onTestFinished(server.close);
  return { server, closed };
}

/** Opens the page for users, in one browser. */
async function startPages(server: PushServer) {
  const browser = await startBrowser();
  const errors: string[] = [];
  const open = async (uid: string, refresh = '') => {
    const tab = await browser.newPage();
    tab.on('pageerror', (error) => errors.push(error.message));
    await tab.goto(`${server.url}/?uid=${uid}&refresh=${refresh}`);
    await tab.locator('#state', { hasText: 'joined' }).waitFor();
    return tab;
  };
  return { errors, open };
}

type Page = Awaited<ReturnType<Awaited<ReturnType<typeof startBrowser>>['newPage']>>;

const textsOf = (tab: Page, list: string): Promise<string[]> => tab.locator(`#${list} li`).allTextContents();

test.skipIf(noBrowser).each([18, 19] as const)(
  'components of React %i show a room and who is in it, through reconnects and other rooms',
  async (version) => {
    const { server, closed } = await servePage(versions[version]);
    const { errors, open } = await startPages(server);
    const ann = await open('ann');
    const bob = await open('bob');
    expect(await ann.evaluate('version')).toMatch(new RegExp(`^${version}\\.`));
    await ann.locator('#online', { hasText: /^ann bob$/ }).waitFor();
    await bob.locator('#online', { hasText: /^ann bob$/ }).waitFor();

    await ann.locator('#publish').click();
    for (const tab of [ann, bob]) await expect.poll(() => textsOf(tab, 'messages')).toEqual(['ann: by lobby']);
    for (const number of [1, 2, 3]) await server.push.toRoom('lobby', 'chat', number);
    await expect.poll(() => textsOf(bob, 'messages')).toEqual(['null: 1', 'null: 2', 'null: 3']);

    // A reconnect: nothing comes twice, and nothing is missed, not even that somebody has joined meanwhile.
    for (const socket of server.io.sockets.sockets.values()) socket.conn.close();
    await server.push.toRoom('lobby', 'chat', 4);
    const cat = await connectClient(server.url, 'websocket', { query: { uid: 'cat' } });
    await cat.emitWithAck('go:join', 'lobby');
    await expect.poll(() => textsOf(ann, 'messages')).toEqual(['null: 2', 'null: 3', 'null: 4']);
    await ann.locator('#online', { hasText: /^ann bob cat$/ }).waitFor();
    cat.disconnect();

    // Another room: the first one is left, and shows nothing of itself any more.
    await bob.evaluate("enter('other')");
    await bob.locator('#online', { hasText: /^bob$/ }).waitFor();
    await ann.locator('#online', { hasText: /^ann$/ }).waitFor();
    expect(await textsOf(bob, 'messages')).toEqual([]);
    await bob.evaluate("enter('closed')");
    await bob.locator('#state', { hasText: 'join_refused' }).waitFor();

    // A session that is new after a reconnect may not join any more.
    closed.add('lobby');
    await ann.evaluate('void socket.disconnect().connect()');
    await ann.locator('#state', { hasText: 'join_refused' }).waitFor();
    closed.delete('lobby');
    await ann.evaluate("enter('')");
    await ann.evaluate("enter('lobby')");
    await ann.locator('#state', { hasText: 'joined' }).waitFor();

    // Without the component the room is left.
    await ann.evaluate("enter('')");
    await expect.poll(() => server.push.presence.room('lobby')).toEqual({ ok: true, value: [] });
    expect(errors).toEqual([]);
  },
);

test.skipIf(noBrowser)('a component reads who is present again and again, if it asks for that', async () => {
  const { server } = await servePage({}, false);
  const { errors, open } = await startPages(server);
  const ann = await open('ann', '100');
  const cat = await connectClient(server.url, 'websocket', { query: { uid: 'cat' } });
  await cat.emitWithAck('go:join', 'lobby');
  await ann.locator('#online', { hasText: /^ann cat$/ }).waitFor();
  cat.disconnect();
  await ann.locator('#online', { hasText: /^ann$/ }).waitFor();
  expect(errors).toEqual([]);
});

test.skipIf(noBrowser)('components that come late, or several at a time, show the same inbox', async () => {
  const { server } = await servePage({});
  const { errors, open } = await startPages(server);
  const ann = await open('ann');
  const put = (text: string) => server.push.toUser('ann', 'note', text, { deliver: 'store' });
  await put('first');
  await ann.evaluate("showInboxes(['one'])");
  await expect.poll(() => textsOf(ann, 'one')).toEqual(['first']);
  // Not shown for a moment: it would come again after 30 s only.
  await ann.evaluate('showInboxes([])');
  await put('second');
  await ann.evaluate("showInboxes(['one', 'two'])");
  for (const list of ['one', 'two']) await expect.poll(() => textsOf(ann, list)).toEqual(['first', 'second']);
  await ann.locator('#one li').first().click();
  for (const list of ['one', 'two']) await expect.poll(() => textsOf(ann, list)).toEqual(['second']);
  await ann.locator('#two li').first().click();
  await expect.poll(() => server.push.inbox.pending('ann', 10)).toEqual({ ok: true, value: [] });
  expect(await textsOf(ann, 'one')).toEqual([]);
  expect(errors).toEqual([]);
});

test.each([18, 19] as const)('a server renders components with React %i, and asks no push-server', async (version) => {
  const code = `
    import { createClient } from '@gopush/client';
    import { useInbox, usePresence, useRoom } from '@gopush/client/react';
    import { createElement as h, version } from 'react';
    import { renderToString } from 'react-dom/server';
    import { io } from 'socket.io-client';
    const socket = io('http://localhost:9', { autoConnect: false });
    const client = createClient(socket);
    function Lobby() {
      const { messages, state } = useRoom(client, 'lobby', 'chat');
      const numbers = [messages, usePresence(client, 'lobby'), useInbox(client).messages].map(({ length }) => length);
      return h('p', null, [version.split('.')[0], state, ...numbers].join(' '));
    }
    console.log(renderToString(h(Lobby)), socket.sendBuffer.length);`;
  const bundled = await bundle(code, { alias: versions[version], platform: 'node', format: 'cjs' });
  const { stdout } = spawnSync(process.execPath, ['-'], { input: bundled, encoding: 'utf8' });
  expect(stdout).toBe(`<p>${version} joining 0 0 0</p> 0\n`);
});
