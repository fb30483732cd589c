import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Config } from '@gopush/contract';
import { CertificateError } from './certificate-error.ts';

/** The TLS settings, if there are any. */
export type TlsConfig = NonNullable<Config['agent']['tls']>;

/** A certificate with its key, as a TLS server takes it. */
export interface Certificate {
  readonly secure: Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion'>;
  /** When it expires. */
  readonly validTo: Date;
  /** Whether this is the same certificate with the same key, byte for byte. */
  equals(other: Certificate): boolean;
}

/** The files that the settings name, as absolute paths by setting. */
export function certificateFiles(tls: TlsConfig, dir: string): ReadonlyMap<string, string> {
  const files = new Map([
    ['agent.tls.certFile', resolve(dir, tls.certFile)],
    ['agent.tls.keyFile', resolve(dir, tls.keyFile)],
  ]);
  if (tls.caFile !== undefined) files.set('agent.tls.caFile', resolve(dir, tls.caFile));
  return files;
}

/**
 * Reads and checks a certificate and its key. The key never gets into an error or a log.
 *
 * @param dir - the folder that paths are relative to
 * @throws CertificateError for the first file that cannot be used
 */
export async function loadCertificate(tls: TlsConfig, dir: string): Promise<Certificate> {
  const [certFile = '', keyFile = '', caFile] = certificateFiles(tls, dir).values();
  const cert = await readPem('agent.tls.certFile', certFile, 'a certificate in PEM');
  const key = await readPem('agent.tls.keyFile', keyFile, 'a private key in PEM');
  const leaf = parseCertificate('agent.tls.certFile', certFile, cert);
  if (!leaf.checkPrivateKey(parseKey(keyFile, key))) {
    const found = 'the key of another certificate';
    throw new CertificateError({ key: 'agent.tls.keyFile', file: keyFile, found, wanted: `that of ${certFile}` });
  }
  const chain = [cert];
  if (caFile !== undefined) {
    const ca = await readPem('agent.tls.caFile', caFile, 'certificates in PEM');
    parseCertificate('agent.tls.caFile', caFile, ca);
    chain.push(ca);
  }
  const secure = { cert: chain.join('\n'), key, minVersion: tls.minVersion };
  try {
    createSecureContext(secure);
  } catch (error) {
    // Finds what checking each file does not: a broken certificate further down the chain, or a key too short to be safe.
    const found = `a file that OpenSSL refuses (${messageOf(error)})`;
    const wanted = 'certificates in PEM';
    throw new CertificateError({ key: 'agent.tls.certFile', file: certFile, found, wanted }, { cause: error });
  }
  return {
    secure,
    validTo: new Date(leaf.validTo),
    equals: (other) => other.secure.cert === secure.cert && other.secure.key === secure.key,
  };
}

async function readPem(key: string, file: string, wanted: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const found =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'no such file'
        : `a file that cannot be read (${messageOf(error)})`;
    throw new CertificateError({ key, file, found, wanted }, { cause: error });
  }
  if (!text.includes('-----BEGIN ')) {
    const found = text.trim() === '' ? 'an empty file' : 'something else';
    throw new CertificateError({ key, file, found, wanted });
  }
  return text;
}

function parseCertificate(key: string, file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    const found = `one that cannot be parsed (${messageOf(error)})`;
    throw new CertificateError({ key, file, found, wanted: 'a certificate in PEM' }, { cause: error });
  }
}

function parseKey(file: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    // In the label of PKCS #8, or in a header of older formats (RFC 1421). Node's own error depends on the format.
    const locked = /ENCRYPTED/.test(pem);
    const found = locked ? 'a key with a passphrase' : `one that cannot be parsed (${messageOf(error)})`;
    const wanted = 'a private key in PEM without a passphrase';
    throw new CertificateError({ key: 'agent.tls.keyFile', file, found, wanted }, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
