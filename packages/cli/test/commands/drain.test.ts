import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../../../test/support/cli.ts';
import { drain } from '../../src/commands/drain.ts';

test.each(['::', '::1'])('drain reaches an admin listener at %s', async (host) => {
  const listener = createServer(({ method, url }, response) => response.writeHead(409).end(`${method} ${url}`));
  onTestFinished(() => void listener.close());
  await once(listener.listen(0, host), 'listening');
  const dir = await makeFolder();
  await mkdir(join(dir, 'config'));
  const { port } = listener.address() as AddressInfo;
  const admin = { host, serverPort: port - 1, keys: [{ name: 'ops', key: 'a-key-of-an-operator-of-it' }] };
  await writeFile(join(dir, 'config/local.json'), JSON.stringify({ serverWorkers: 2, admin }));
  await expect(drain('1', { dir, env: 'local' })).rejects.toThrow('push-server 1 responded 409: PUT /drain');
});
