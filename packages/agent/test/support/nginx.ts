import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort } from '../../../store/test/support/redis.ts';
import { makeFolder } from './certificate.ts';

/** Whether nginx is installed. */
export const hasNginx = spawnSync('nginx', ['-v']).status === 0;

/** What the docs say to write into the configuration of nginx. */
export async function exampleOfDocs(): Promise<string> {
  const text = await readFile(new URL('../../../../docs/deploy.md', import.meta.url), 'utf8');
  return /```nginx\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
}

/**
 * Starts an nginx in front of an agent, ended with the test.
 *
 * @param example - its upstream block, and its location block
 * @returns its port
 */
export async function startNginx(to: number, example: string): Promise<number> {
  const dir = await makeFolder();
  const port = await freePort();
  const [before = '', location = ''] = example.split(/(?=location )/);
  const config = `
    daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
    events {}
    http {
      access_log off;
      client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
      ${before.replace(/server [\d.:]+; /g, '').replace('upstream gopush {', `upstream gopush { server 127.0.0.1:${to};`)}
      server { listen 127.0.0.1:${port}; ${location} }
    }`;
  const file = join(dir, 'nginx.conf');
  await writeFile(file, config);
  const nginx = spawn('nginx', ['-c', file, '-e', `${dir}/error.log`], { stdio: ['ignore', 'ignore', 'inherit'] });
  onTestFinished(async () => {
    if (nginx.exitCode !== null) return;
    const exited = once(nginx, 'exit');
    nginx.kill('SIGKILL');
    await exited;
  });
  await untilListening(port, () => nginx.exitCode === null);
  return port;
}

/** nginx cannot be given a descriptor, and does not say when it listens. */
async function untilListening(port: number, isRunning: () => boolean): Promise<void> {
  for (;;) {
    if (!isRunning()) throw new Error('nginx ended before it listened');
    const is = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5_000) }).then(
      () => true,
      () => false,
    );
    if (is) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
