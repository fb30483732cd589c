import { type FailureCode, failed, type Result, type Target } from '@gopush/contract';

/** Errors of connecting that are caused by this machine: descriptors, ports, memory. */
const ownErrors: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

/** Failures before a target has got any of the request, so that another target may be asked. */
export const beforeRequest: ReadonlySet<FailureCode> = new Set([
  'target_unreachable',
  'target_tls_untrusted',
  'target_tls_expired',
  'target_tls_name',
  'target_tls_failed',
]);

/** Whether an error is caused by this machine rather than by the target. */
export function isOwnError(error: NodeJS.ErrnoException | undefined): boolean {
  return ownErrors.has(error?.code ?? '');
}

/** The failure if a target could not be connected to. If this machine lacks resources, the target is not to blame. */
export function connectFailure(target: Target, error: NodeJS.ErrnoException | undefined): Result<never> {
  const code = isOwnError(error) ? 'overloaded' : connectFault(target, error);
  return failed(code, `${target.name}: ${error?.message.trim() ?? 'closed'}${hints[code] ?? ''}`, error);
}

/** The code of a failure to connect that is not caused by this machine. */
export function connectFault({ tls }: Target, error: NodeJS.ErrnoException | undefined): FailureCode {
  const { code = '' } = error ?? {};
  if (tls === undefined) return 'target_unreachable';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'target_tls_expired';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') return 'target_tls_name';
  if (certificate.test(code)) return 'target_tls_untrusted';
  return handshake.test(code) ? 'target_tls_failed' : 'target_unreachable';
}

/** The failure if a target refuses our certificate after the TLS handshake, as it does from TLS 1.3 on; `undefined`: it is another error. */
export function refusalOfTarget({ name }: Target, error: NodeJS.ErrnoException | undefined): Result<never> | undefined {
  if (error === undefined || !/^ERR_SSL_.*ALERT/.test(error.code ?? '')) return undefined;
  return failed('target_tls_refused', `${name}: ${error.message.trim()}${hints.target_tls_refused}`, error);
}

/** Node's error codes for certificates that cannot be verified (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const certificate = /CERT|CRL|PATH_LENGTH|INVALID_CA|INVALID_PURPOSE|SELF_SIGNED|SIGNATURE|ISSUER_PUBLIC_KEY/;

/** Errors of the TLS handshake, also if the server does not use TLS. */
const handshake = /^(ERR_SSL_|ERR_TLS_|EPROTO)/;

const hints: Partial<Record<FailureCode, string>> = {
  target_tls_untrusted: '; where it is signed by an authority of your own, give tls: { ca }',
  target_tls_name: '; where it is known by another name, give tls: { servername }',
  target_tls_failed: '; does it speak TLS there, and not plain HTTP?',
  target_tls_refused: '; where it wants a certificate, give tls: { cert, key }',
};
