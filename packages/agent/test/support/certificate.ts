import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const run = promisify(execFile);

/** A certificate made for a test, in files. */
export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A folder that goes with the test. */
export async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-tls-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

interface CertificateOptions {
  /** Who signs it; absent: it signs itself. */
  readonly issuer?: TestCertificate;
  /** Whether it may sign others. */
  readonly isAuthority?: boolean;
  /** The names that it is for. */
  readonly names?: string | undefined;
  /** For how long it is valid from now on; negative: it has expired. */
  readonly days?: number | undefined;
}

/** Makes a key and a certificate. */
export async function makeCertificate(
  dir: string,
  name: string,
  { issuer, isAuthority = false, names = 'DNS:localhost,IP:127.0.0.1', days = 2 }: CertificateOptions = {},
): Promise<TestCertificate> {
  const certFile = join(dir, `${name}.crt`);
  const keyFile = join(dir, `${name}.key`);
  const extensions = join(dir, `${name}.ext`);
  const request = join(dir, `${name}.csr`);
  await writeFile(
    extensions,
    `subjectAltName=${names}\nbasicConstraints=critical,CA:${isAuthority ? 'TRUE' : 'FALSE'}\n`,
  );
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  await run('openssl', ['req', '-new', ...newKey, '-subj', `/CN=${name}`, '-out', request]);
  const signedBy =
    issuer === undefined
      ? ['-signkey', keyFile]
      : ['-CA', issuer.certFile, '-CAkey', issuer.keyFile, '-CAserial', join(dir, 'serial'), '-CAcreateserial'];
  await run('openssl', [
    ...['x509', '-req', '-days', String(days), '-in', request, '-extfile', extensions, '-out', certFile],
    ...signedBy,
  ]);
  return { certFile, keyFile };
}
