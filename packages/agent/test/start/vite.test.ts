import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createViteServer } from 'vitest/node';
import { startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw } from '../support/client.ts';
import { startEchoTarget } from '../support/target.ts';

/** A dev server of Vite whose proxy passes WebSockets to an agent, with another `Host` than the page has. */
async function startVite(to: string): Promise<number> {
  const root = await mkdtemp(join(tmpdir(), 'gopush-vite-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'index.html'), '<title>page</title>');
  const server = await createViteServer({
    root,
    configFile: false,
    logLevel: 'silent',
    server: {
      host: '127.0.0.1',
      port: 0,
      hmr: false,
      proxy: { '/live': { target: to, ws: true, changeOrigin: true } },
    },
  });
  onTestFinished(() => server.close());
  await server.listen();
  const address = server.httpServer?.address() as AddressInfo | null;
  return address?.port ?? 0;
}

test.each([
  ['development', '101'],
  ['never', '403'],
])('the page of a Vite dev server whose proxy changes Host, with localhostOrigins %s', async (setting, status) => {
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'development';
  onTestFinished(() => {
    process.env.NODE_ENV = before;
  });
  const agent = await startTestAgent(
    { agent: () => 'ann', router: { default: await startEchoTarget() } },
    { access: { localhostOrigins: setting as 'development' } },
  );
  const port = await startVite(agent.url);
  const page = { Host: `localhost:${port}`, Origin: `http://localhost:${port}` };
  const raw = await openRaw(port, handshakeBytes('/live', page));
  expect((await raw.until(/^HTTP\/1\.1 (\d+)/))[1]).toBe(status);
});
