import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { createFileHandler } from '../../src/http/file-handler.ts';

/** Serves a folder with `index.html`, `page.txt` of ten bytes, `.secret`, `sub/index.html`, and a file beside it. */
async function serveFolder() {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-files-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const folder = join(dir, 'public');
  await mkdir(join(folder, 'sub'), { recursive: true });
  await writeFile(join(folder, 'index.html'), '<p>hello');
  await writeFile(join(folder, 'page.txt'), '0123456789');
  await writeFile(join(folder, '.secret'), 'secret');
  await writeFile(join(folder, 'sub/index.html'), '<p>sub');
  await writeFile(join(dir, 'outside.txt'), 'outside');
  await symlink('loop', join(folder, 'loop'));
  const server = createServer(createFileHandler(folder, '/socket.io', silentLogger)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  /** With the request line as it is given: `fetch` would change it. */
  return (target: string, { method = 'GET', headers = '' } = {}) =>
    new Promise<{ status: number; head: string; body: string }>((resolve, reject) => {
      let text = '';
      const socket = connect(port, '127.0.0.1');
      socket
        .on('error', reject)
        .on('data', (chunk) => {
          text += chunk;
        })
        .on('end', () => {
          const [head = '', body = ''] = text.split('\r\n\r\n');
          resolve({ status: Number(head.split(' ')[1]), head: head.toLowerCase(), body });
        })
        .write(`${method} ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${headers}\r\n`);
    });
}

test('files of the folder are served with type, length and validators', async () => {
  const ask = await serveFolder();
  expect(await ask('/')).toMatchObject({ status: 200, body: '<p>hello' });
  const page = await ask('/page.txt?x=1');
  expect(page).toMatchObject({ status: 200, body: '0123456789' });
  expect(page.head).toMatch(/content-type: text\/plain; charset=utf-8/);
  expect(page.head).toMatch(/content-length: 10/);
  expect(page.head).toMatch(/etag: w/);
  expect(page.head).toMatch(/last-modified: /);
  expect(await ask('/page.txt', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  const moved = await ask('/sub');
  expect(moved.status).toBe(301);
  expect(moved.head).toMatch(/location: \.\/sub\/\r\n/);
  expect(await ask('/sub/')).toMatchObject({ status: 200, body: '<p>sub' });
});

test('the redirect to a folder names neither the user nor the path at the agent', async () => {
  const ask = await serveFolder();
  const headers = 'x-gopush-agent: agent-0\r\nx-gopush-uid: alice\r\n';
  const locationOf = async (target: string, more = '') => {
    const { status, head, body } = await ask(target, { headers: more });
    expect([target, status]).toEqual([target, 301]);
    expect(body).not.toContain('alice');
    return /location: (.*)/.exec(head)?.[1];
  };
  expect(await locationOf('/sub?uid=alice', headers)).toBe('./sub/');
  expect(await locationOf('/sub?page=2&uid=alice', headers)).toBe('./sub/?page=2');
  expect(await locationOf('/sub/../sub?to=/a/b&uid=alice', headers)).toBe('./sub/?to=/a/b');
  // Of a program that has no agent in front: it is its own.
  expect(await locationOf('/sub?uid=bob')).toBe('./sub/?uid=bob');
  expect(await locationOf('//other.example/%2e%2e/sub')).toBe('./sub/');
  expect(await locationOf('/\\other.example/%2e%2e/sub')).toBe('./sub/');
  expect((await ask('/sub/?uid=alice', { headers })).body).toBe('<p>sub');
  expect((await ask('/?uid=alice', { headers })).body).toBe('<p>hello');
});

test('a part of a file, a file that did not change, and conditions that do not hold', async () => {
  const ask = await serveFolder();
  const etag = /etag: ([^\r\n]*)/i.exec((await ask('/page.txt')).head)?.[1];
  expect(await ask('/page.txt', { headers: `if-none-match: ${etag?.replace('w/', 'W/')}\r\n` })).toMatchObject({
    status: 304,
    body: '',
  });
  const part = await ask('/page.txt', { headers: 'range: bytes=2-4\r\n' });
  expect(part).toMatchObject({ status: 206, body: '234' });
  const beyond = await ask('/page.txt', { headers: 'range: bytes=50-60\r\n' });
  expect(beyond.status).toBe(416);
  expect(beyond.head).toMatch(/content-range: bytes \*\/10/);
  expect((await ask('/page.txt', { headers: 'if-match: "other"\r\n' })).status).toBe(412);
});

test('what is no file of the folder is not found, whatever the URL is', async () => {
  const ask = await serveFolder();
  const odd = [
    '/none.txt',
    '/.secret',
    '/../outside.txt',
    '/%2e%2e/outside.txt',
    '/..%2foutside.txt',
    '/%00',
    '/%',
    '//x',
  ];
  for (const target of [...odd, '/page.txt/', `/${'x'.repeat(5_000)}`, '*', 'http://[/page.txt', '/sub/none']) {
    const { status, head, body } = await ask(target, { method: target === '*' ? 'OPTIONS' : 'GET' });
    expect([target, status, body]).toEqual([target, 404, expect.stringContaining('"not_found"')]);
    expect(head).toMatch(/content-type: application\/json/);
  }
  expect((await ask('/page.txt', { method: 'POST' })).status).toBe(404);
  const old = await ask('/socket.io.js?v=1');
  expect(old.status).toBe(302);
  expect(old.head).toMatch(/location: \.\/socket\.io\/socket\.io\.js/);
});

test('a file that the disk refuses is an unexpected error, and the next request is served', async () => {
  const ask = await serveFolder();
  const { status, body } = await ask('/loop');
  expect([status, body]).toEqual([500, expect.stringContaining('"internal"')]);
  expect((await ask('/page.txt')).status).toBe(200);
});
