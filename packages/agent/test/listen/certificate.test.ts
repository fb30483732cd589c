import { createPrivateKey } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { CertificateError } from '../../src/listen/certificate-error.ts';
import { type Agent, startAgent } from '../../src/start/start-agent.ts';
import { createMemoryLog } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';

const tls = { certFile: 'tls/own.crt', keyFile: 'tls/own.key' };

/** A project's folder with a certificate `own` in use, and `next` beside. */
async function makeProject(): Promise<string> {
  const dir = await makeFolder();
  await mkdir(join(dir, 'tls'));
  for (const name of ['own', 'next']) await makeCertificate(dir, name);
  for (const end of ['crt', 'key']) await copyFile(join(dir, `own.${end}`), join(dir, `tls/own.${end}`));
  return dir;
}

async function start(dir: string, log = createMemoryLog().log): Promise<Agent> {
  // No target is there: what is asked is answered at once.
  const own = { host: '127.0.0.1', drainMs: 100, tls };
  const config = { agentPort: 0, agent: own, hold: { timeoutMs: 0 }, limits: { eventLoopDelayMs: 0 } };
  const agent = await startAgent({ config, dir, hooks: { agent: () => 'ann' }, logger: log });
  onTestFinished(() => agent.close());
  return agent;
}

/** Puts a copy in the place of a file at once, so that nobody reads half of it. */
async function replace(from: string, to: string): Promise<void> {
  await copyFile(from, `${from}.copy`);
  await rename(`${from}.copy`, to);
}

/** The name in the certificate that is shown to a new connection. */
function shown({ port }: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('a renewed certificate is shown to new connections, and old ones stay', async () => {
  const dir = await makeProject();
  const { log, next } = createMemoryLog();
  const agent = await start(dir, log);
  expect(await shown(agent)).toBe('own');
  const old = connect({ port: agent.port, host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise((resolve) => old.once('secureConnect', resolve));
  for (const end of ['crt', 'key']) await copyFile(join(dir, `next.${end}`), join(dir, `tls/own.${end}`));
  expect((await next(/^certificate reloaded/)).fields.file).toBe(join(dir, 'tls/own.crt'));
  expect(await shown(agent)).toBe('next');
  old.write('GET / HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n');
  const [answer] = await new Promise<Buffer[]>((resolve) => old.once('data', (chunk) => resolve([chunk])));
  expect(String(answer)).toMatch(/^HTTP\/1\.1 /);
  old.destroy();
});

test('a renewal by links to another folder, as certbot and Kubernetes do it, is taken up', async () => {
  const dir = await makeProject();
  await rm(join(dir, 'tls'), { recursive: true });
  await mkdir(join(dir, 'tls'));
  for (const name of ['own', 'next']) {
    await mkdir(join(dir, `tls/..${name}`));
    for (const end of ['crt', 'key']) await rename(join(dir, `${name}.${end}`), join(dir, `tls/..${name}/own.${end}`));
  }
  await symlink('..own', join(dir, 'tls/..data'));
  for (const end of ['crt', 'key']) await symlink(`..data/own.${end}`, join(dir, `tls/own.${end}`));
  const { log, next } = createMemoryLog();
  const agent = await start(dir, log);
  expect(await shown(agent)).toBe('own');
  await symlink('..next', join(dir, 'tls/..new'));
  await rename(join(dir, 'tls/..new'), join(dir, 'tls/..data'));
  await next(/^certificate reloaded/);
  expect(await shown(agent)).toBe('next');
});

test('a folder that goes away and comes back is found again', async () => {
  const dir = await makeProject();
  const { log, next } = createMemoryLog();
  const agent = await start(dir, log);
  await rename(join(dir, 'tls'), join(dir, 'old'));
  expect((await next(/last valid one stays/)).fields.problem).toMatch(/own\.(crt|key): found no such file/);
  expect(await shown(agent)).toBe('own');
  await mkdir(join(dir, 'new'));
  for (const end of ['crt', 'key']) await copyFile(join(dir, `next.${end}`), join(dir, `new/own.${end}`));
  await rename(join(dir, 'new'), join(dir, 'tls'));
  await next(/^certificate reloaded/);
  expect(await shown(agent)).toBe('next');
});

test('a broken certificate keeps the last good one, and is said once', async () => {
  const dir = await makeProject();
  const { log, lines, next } = createMemoryLog();
  const agent = await start(dir, log);
  await replace(join(dir, 'next.key'), join(dir, 'tls/own.key'));
  const { level, fields } = await next(/last valid one stays/);
  expect([level, fields.problem]).toEqual([
    'error',
    `agent.tls.keyFile: ${dir}/tls/own.key: found the key of another certificate, wanted that of ${dir}/tls/own.crt`,
  ]);
  expect(await shown(agent)).toBe('own');
  await writeFile(join(dir, 'tls/touched'), '');
  await next(/^certificate still invalid/);
  await writeFile(join(dir, 'broken'), 'broken');
  await replace(join(dir, 'broken'), join(dir, 'tls/own.crt'));
  expect((await next(/last valid one stays/)).fields.problem).toMatch(/own\.crt: found something else/);
  // The key first: the certificate stays broken in the same way until both are there.
  await replace(join(dir, 'own.key'), join(dir, 'tls/own.key'));
  await replace(join(dir, 'own.crt'), join(dir, 'tls/own.crt'));
  await next(/^certificate reloaded/);
  expect(lines.filter((line) => /last valid one stays/.test(line.message))).toHaveLength(2);
  expect(JSON.stringify(lines)).not.toContain('PRIVATE KEY');
});

test.each([
  [
    'no certificate',
    'own.crt',
    undefined,
    /^agent\.tls\.certFile: .*own\.crt: found no such file, wanted a certificate in PEM$/,
  ],
  [
    'no key',
    'own.key',
    undefined,
    /^agent\.tls\.keyFile: .*own\.key: found no such file, wanted a private key in PEM$/,
  ],
  ['an empty file', 'own.crt', '', /found an empty file, wanted a certificate/],
  ['no PEM', 'own.crt', 'nonsense', /found something else, wanted a certificate/],
  [
    'a broken certificate',
    'own.crt',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    /cannot be parsed/,
  ],
  [
    'a broken key',
    'own.key',
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    /keyFile: .*cannot be parsed/,
  ],
])('at start, %s is a clear error', async (_name, file, text, message) => {
  const dir = await makeProject();
  if (text === undefined) await rm(join(dir, 'tls', file));
  else await writeFile(join(dir, 'tls', file), text);
  const failure = await start(dir).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CertificateError);
  expect((failure as CertificateError).message).toMatch(message);
});

test('at start, a key of another certificate, one with a passphrase, and a broken chain are clear errors', async () => {
  const dir = await makeProject();
  await copyFile(join(dir, 'next.key'), join(dir, 'tls/own.key'));
  await expect(start(dir)).rejects.toThrow(/found the key of another certificate, wanted that of .*own\.crt$/);
  const key = createPrivateKey(await readFile(join(dir, 'own.key')));
  const locked = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' });
  await writeFile(join(dir, 'tls/own.key'), locked);
  await expect(start(dir)).rejects.toThrow(/found a key with a passphrase, wanted a private key in PEM without/);
  await copyFile(join(dir, 'own.key'), join(dir, 'tls/own.key'));
  const own = await readFile(join(dir, 'own.crt'), 'utf8');
  await writeFile(join(dir, 'tls/own.crt'), `${own}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`);
  await expect(start(dir)).rejects.toThrow(CertificateError);
});
