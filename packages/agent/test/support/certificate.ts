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

/**
 * Makes a key and a certificate.
 *
 * @param issuer - who signs it; none: it signs itself
 * @param isAuthority - whether it may sign others
 * @param names - what it is for
 * @param days - for how long it is valid from now on; negative: it is not any more
 */
export async function makeCertificate(
  dir: string,
  name: string,
  issuer?: TestCertificate,
  isAuthority = false,
  names = 'DNS:localhost,IP:127.0.0.1',
  days = 2,
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
