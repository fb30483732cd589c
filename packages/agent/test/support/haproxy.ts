import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeFolder } from './certificate.ts';

/** Whether HAProxy is installed. */
export const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

/**
 * Starts an HAProxy that passes connections to a port, ended with the test.
 *
 * @param send - how it announces its clients: `send-proxy` or `send-proxy-v2`, with options, or other options of the server
 * @param more - further lines of the front
 * @returns its port
 */
export async function startHaproxy(to: number, send: string, more: readonly string[] = []): Promise<number> {
  const dir = await makeFolder();
  const file = join(dir, 'haproxy.cfg');
  // HAProxy listens on a descriptor that we open, so that its port is free for certain and there is no waiting for it.
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  await writeFile(
    file,
    [
      'defaults',
      '  mode tcp',
      '  timeout connect 5s',
      '  timeout client 30s',
      '  timeout server 30s',
      'listen front',
      '  bind fd@3',
      ...more.map((line) => `  ${line}`),
      `  server agent 127.0.0.1:${to} ${send}`,
      '',
    ].join('\n'),
  );
  const haproxy = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: ['ignore', 'ignore', 'inherit', fd] });
  onTestFinished(async () => {
    if (haproxy.exitCode !== null) return;
    const exited = once(haproxy, 'exit');
    haproxy.kill('SIGKILL');
    await exited;
  });
  await once(haproxy, 'spawn');
  // Ours would take connections as well.
  listener.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
