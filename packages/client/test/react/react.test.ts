import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startPushServer } from '@gopush/push-server';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { noBrowser, startBrowser } from '../../../../test/support/browser.ts';

/** The page of the test: what a program that uses the hooks looks like. */
const page = `
import { createClient } from '@gopush/client';
import { useInbox, usePresence, useRoom } from '@gopush/client/react';
import { createElement as h, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { io } from 'socket.io-client';

const client = createClient(io({ transports: ['websocket'], query: { uid: new URLSearchParams(location.search).get('uid') } }));

function Lobby({ name }) {
  const { messages, state, error, publish } = useRoom(client, name, 'chat', { limit: 3 });
  const online = usePresence(client, name);
  const inbox = useInbox(client);
  return h('main', null,
    h('p', { id: 'state' }, error?.code ?? state),
    h('p', { id: 'online' }, online.join(' ')),
    h('button', { id: 'publish', onClick: () => publish('by ' + name) }),
    h('ul', { id: 'messages' }, messages.map(({ key, message, sender }) => h('li', { key }, sender + ': ' + message))),
    h('ul', { id: 'inbox' }, inbox.messages.map(({ id, message }) => h('li', { key: id, onClick: () => inbox.done(id) }, message))));
}
function App() {
  const [name, setName] = useState('lobby');
  window.enter = setName;
  return name === '' ? null : h(Lobby, { name });
}
createRoot(document.body).render(h(StrictMode, null, h(App)));
`;

async function bundle(contents: string, external: string[] = []): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    define: { 'process.env.NODE_ENV': '"development"' },
    external,
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

test('the hooks of React are small', async () => {
  const all = await bundle("export * from '@gopush/client/react';", ['react']);
  const bytes = gzipSync(all, { level: 9 }).length;
  console.info(`gopush/react: ${bytes} bytes as packed by gzip`);
  expect(bytes).toBeLessThan(2_000);
});

test.skipIf(noBrowser)(
  'components show a room, who is in it and the inbox, through reconnects and other rooms',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gopush-test-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    await writeFile(join(dir, 'page.js'), await bundle(page));
    await writeFile(
      join(dir, 'index.html'),
      '<!doctype html><body></body><script type="module" src="page.js"></script>',
    );
    const server = await startPushServer({
      config: { serverPortStart: 0, pushServer: { publicDir: dir, senders: true, presenceEvents: true, graceMs: 0 } },
      dir,
      hooks: { canJoin: (_client, room) => room !== 'closed', canPublish: () => true },
    });
    onTestFinished(server.close);
    const browser = await startBrowser();
    const errors: string[] = [];
    const open = async (uid: string) => {
      const tab = await browser.newPage();
      tab.on('pageerror', (error) => errors.push(error.message));
      await tab.goto(`${server.url}/?uid=${uid}`);
      await tab.locator('#state', { hasText: 'joined' }).waitFor();
      return tab;
    };
    const ann = await open('ann');
    const bob = await open('bob');
    await ann.locator('#online', { hasText: /^ann bob$/ }).waitFor();
    await bob.locator('#online', { hasText: /^ann bob$/ }).waitFor();

    const textsOf = (tab: typeof ann, list: string) => tab.locator(`#${list} li`).allTextContents();
    await ann.locator('#publish').click();
    for (const tab of [ann, bob]) await expect.poll(() => textsOf(tab, 'messages')).toEqual(['ann: by lobby']);
    for (const number of [1, 2, 3]) await server.push.toRoom('lobby', 'chat', number);
    await expect.poll(() => textsOf(bob, 'messages')).toEqual(['null: 1', 'null: 2', 'null: 3']);

    // A reconnect: nothing comes twice, and nothing is missed.
    for (const socket of server.io.sockets.sockets.values()) socket.conn.close();
    await server.push.toRoom('lobby', 'chat', 4);
    await expect.poll(() => textsOf(ann, 'messages')).toEqual(['null: 2', 'null: 3', 'null: 4']);

    await server.push.toUser('ann', 'note', 'read me', { deliver: 'store' });
    await expect.poll(() => textsOf(ann, 'inbox')).toEqual(['read me']);
    await ann.locator('#inbox li').click();
    await expect.poll(() => textsOf(ann, 'inbox')).toEqual([]);
    await expect.poll(() => server.push.inbox.pending('ann', 10)).toEqual({ ok: true, value: [] });

    // Another room: the first one is left, and shows nothing of itself any more.
    await bob.evaluate("enter('other')");
    await bob.locator('#online', { hasText: /^bob$/ }).waitFor();
    await ann.locator('#online', { hasText: /^ann$/ }).waitFor();
    expect(await textsOf(bob, 'messages')).toEqual([]);
    await bob.evaluate("enter('closed')");
    await bob.locator('#state', { hasText: 'join_refused' }).waitFor();
    expect(errors).toEqual([]);
  },
);
