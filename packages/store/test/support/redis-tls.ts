import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Cleanup, freePort, startRedis, startSentinel, type TestRedis } from './redis.ts';
import { temporaryFolder } from './stores.ts';

const run = promisify(execFile);

/** Files of an authority and what it has signed. */
export interface Certificates {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** Makes an authority, a certificate for a server of this name and one for its clients. */
export async function makeCertificates(
  cleanup: Cleanup,
  subjectAltName = 'DNS:localhost,IP:127.0.0.1',
): Promise<Certificates> {
  const dir = await temporaryFolder(cleanup);
  const at = (name: string): string => join(dir, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = ['-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=Test CA', '-days', '2'];
  await run('openssl', ['req', '-x509', ...newKey, ...authority]);
  await writeFile(at('names'), `subjectAltName=${subjectAltName}\n`);
  const sign = async (name: string): Promise<{ cert: string; key: string }> => {
    const [key, cert, request] = [at(`${name}.key`), at(`${name}.pem`), at(`${name}.csr`)];
    await run('openssl', ['req', '-new', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${name}`]);
    const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('names')];
    await run('openssl', ['x509', '-req', '-in', request, '-out', cert, ...by]);
    return { cert, key };
  };
  const server = await sign('server');
  return { ca: at('ca.pem'), server, client: await sign('client') };
}

/** How a Redis is started that speaks TLS and nothing else on a port. */
function tlsArguments({ ca, server }: Certificates, port: number, authClients: 'yes' | 'no'): string[] {
  const files = ['--tls-cert-file', server.cert, '--tls-key-file', server.key, '--tls-ca-cert-file', ca];
  return [
    '--port',
    '0',
    '--tls-port',
    String(port),
    ...files,
    '--tls-auth-clients',
    authClients,
    '--tls-replication',
    'yes',
  ];
}

/** Starts what {@link startSentinel} does, with TLS everywhere, a password for Redis and another one for the sentinel. */
export function startTlsSentinel(
  certificates: Certificates,
  { password, sentinelPassword }: { readonly password: string; readonly sentinelPassword: string },
  cleanup: Cleanup,
): ReturnType<typeof startSentinel> {
  const options = (port: number): string[] => [
    ...tlsArguments(certificates, port, 'no'),
    ...['--requirepass', password, '--masterauth', password],
  ];
  const lines = (port: number): string[] => [
    ...tlsLines(certificates, port),
    `sentinel auth-pass mymaster ${password}`,
    `requirepass ${sentinelPassword}`,
  ];
  return startSentinel(cleanup, { options, lines });
}

/** The same for a file. */
function tlsLines(certificates: Certificates, port: number): string[] {
  const args = tlsArguments(certificates, port, 'no');
  return args.flatMap((arg, index) => (arg.startsWith('--') ? [`${arg.slice(2)} ${args[index + 1]}`] : []));
}

/** Starts a Redis that speaks TLS and nothing else. */
export async function startTlsRedis(
  certificates: Certificates,
  options: readonly string[],
  cleanup: Cleanup,
  authClients: 'yes' | 'no' = 'no',
): Promise<TestRedis> {
  const port = await freePort();
  return startRedis([...tlsArguments(certificates, port, authClients), ...options], port, cleanup);
}
