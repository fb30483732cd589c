import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startAgent } from '@gopush/agent';
import { startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { handshakeBytes, openRaw } from '../../packages/agent/test/support/client.ts';
import { gopush, makeFolder, makeProject, startGopush } from '../support/cli.ts';

/** What a process that `gopush` runs says to a page of a dev server on this machine. */
async function statusFor(port: number): Promise<number> {
  const raw = await openRaw(
    port,
    handshakeBytes('/socket.io/?EIO=4&transport=websocket&uid=ann', {
      Host: '127.0.0.1:6003',
      Origin: 'http://localhost:5173',
      Cookie: 'uid=ann',
    }),
  );
  return Number((await raw.until(/^HTTP\/1\.1 (\d+)/))[1]);
}

test('pages of localhost may connect in the environment local, and not in production', async () => {
  const { dir, url } = await makeProject({ hold: { timeoutMs: 0 } });
  await writeFile(join(dir, 'config/production.json'), await readFile(join(dir, 'config/local.json')));
  for (const name of ['agent', 'onupgrade', 'router']) {
    const hook = await readFile(join(dir, `hooks/${name}.local.js`)).catch(() => undefined);
    if (hook !== undefined) await writeFile(join(dir, `hooks/${name}.production.js`), hook);
  }
  for (const [environment, status] of [
    // No push-server runs, but that is not the page's fault.
    ['local', 502],
    ['production', 403],
  ] as const) {
    const running = startGopush(['start', 'agent', '--env', environment], { cwd: dir });
    await running.until(/gopush is ready/);
    expect([environment, await statusFor(Number(new URL(url).port))]).toEqual([environment, status]);
    running.signal('SIGTERM');
    await running.ended;
  }
});

test('a program that starts a gateway says by the environment of its hooks whether it is development', async () => {
  const dir = await makeFolder();
  await mkdir(join(dir, 'hooks'));
  await writeFile(join(dir, 'hooks/agent.mjs'), 'export default () => "ann";');
  const seen: [string, number, number][] = [];
  for (const environment of ['development', 'production'] as const) {
    const hooks = { dir, environment };
    const server = await startPushServer({ config: { serverPortStart: 0 }, hooks, logger: silentLogger });
    onTestFinished(() => server.close());
    const limits = { eventLoopDelayMs: 0 };
    const config = { agentPort: 0, serverPortStart: server.port, serverWorkers: 1, limits };
    const agent = await startAgent({ config, hooks, logger: silentLogger });
    onTestFinished(() => agent.close());
    seen.push([environment, await statusFor(agent.port), await statusFor(server.port)]);
  }
  expect(seen).toEqual([
    ['development', 101, 101],
    ['production', 403, 403],
  ]);
});

test('an entry that can never match is named by gopush check, with what is wanted', async () => {
  const { dir } = await makeProject();
  const env = { GOPUSH_ACCESS_ALLOWED_ORIGINS: 'https://a.example,https://b.example/app' };
  const { code, stdout, stderr } = await gopush(['check'], { cwd: dir, env });
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(
    /GOPUSH_ACCESS_ALLOWED_ORIGINS: access\.allowedOrigins\.1: found "https:\/\/b\.example\/app", wanted an origin without a path: "https:\/\/b\.example"/,
  );
});
