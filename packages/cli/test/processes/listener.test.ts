import { mkdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { gopush, makeProject, startGopush, type TestProject } from '../../../../test/support/cli.ts';
import { makeCertificate } from '../../../agent/test/support/certificate.ts';

const tls = { certFile: 'tls/own.crt', keyFile: 'tls/own.key' };

async function makeSecureProject(config: Record<string, unknown> = {}): Promise<TestProject> {
  const project = await makeProject({ agentWorkers: 2, serverWorkers: 1, agent: { drainMs: 500, tls }, ...config });
  await mkdir(join(project.dir, 'tls'));
  await makeCertificate(join(project.dir, 'tls'), 'own');
  return project;
}

/** Asks over a connection that begins with a PROXY header. */
async function ask(port: number, ca: Buffer): Promise<number> {
  const plain = connect(port, '127.0.0.1');
  onTestFinished(() => void plain.destroy());
  plain.write('PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n');
  const createConnection = (): Socket => connectTls({ socket: plain, ca, servername: 'localhost' });
  return new Promise((resolve, reject) => {
    request({ host: 'localhost', path: '/?user=ann', createConnection }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test('several agents that share a port speak TLS behind a proxy, with files seen from the project', async () => {
  const { dir, port } = await makeSecureProject({ access: { proxyProtocol: ['127.0.0.0/8', '::1/128'] } });
  const ca = await readFile(join(dir, 'tls/own.crt'));
  const running = startGopush(['start', '--dir', dir]);
  await running.until(new RegExp(`gopush is ready: https://localhost:${port}\\b`));
  // The workers' own lines come by another pipe: they may be read after the line above.
  await running.until(new RegExp(`https://127\\.0\\.0\\.1:${port}`));
  expect(await Promise.all(Array.from({ length: 8 }, () => ask(port, ca)))).toEqual(Array(8).fill(200));
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
});

test('a certificate that is not there ends with 2: one line, at start and at a check', async () => {
  const { dir } = await makeSecureProject();
  const well = await gopush(['check', '--no-ports'], { cwd: dir });
  expect([well.code, well.stdout]).toEqual([
    0,
    expect.stringMatching(/✓ certificate: tls\/own\.crt, valid until \d{4}-/),
  ]);
  await rm(join(dir, 'tls/own.key'));
  const line = /agent\.tls\.keyFile: .*tls\/own\.key: found no such file, wanted a private key in PEM\n/;
  for (const command of ['start', 'dev']) {
    const { code, stderr } = await gopush([command], { cwd: dir });
    expect([command, code]).toEqual([command, 2]);
    expect(stderr).toMatch(new RegExp(`^gopush: ${line.source}`));
  }
  const ill = await gopush(['check', '--no-ports'], { cwd: dir });
  expect([ill.code, ill.stdout]).toEqual([2, expect.stringMatching(new RegExp(`✗ certificate: ${line.source}`))]);
});

test('an agent that listens on one address says that one', async () => {
  const { dir, port } = await makeProject({ serverWorkers: 1, agent: { host: '127.0.0.2', drainMs: 500 } });
  const running = startGopush(['start', '--dir', dir]);
  await running.until(new RegExp(`gopush is ready: http://127\\.0\\.0\\.2:${port}\\b`));
  expect((await fetch(`http://127.0.0.2:${port}/?user=ann`)).status).toBe(200);
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
});
