import { createHash, X509Certificate } from 'node:crypto';
import { type ConnectionOptions, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { createTargetWith, type Target, type TargetSource, type TargetTls } from '@gopush/contract';

/** Most secure contexts and TLS sessions that are kept; a function of a router may name any number of targets. */
const most = { contexts: 100, sessions: 1_000 };

/** How long a TLS session is reused, in milliseconds: the certificate is checked again only without one. */
const sessionMs = 300_000;

/** Secure contexts. Making one reads certificates and keys, which takes longer than a handshake. */
const contexts = new Map<string, SecureContext>();
const sessions = new Map<string, { readonly session: Buffer; readonly until: number }>();
const ids = new WeakMap<TargetTls, string>();

/** Identifies connections that may be reused for one another: those of another target, or with other certificates, may not. */
export function connectionKey({ name, tls }: Target): string {
  return tls === undefined ? name : `${name} ${idOf(tls)}`;
}

/** By content, because a function makes new objects for each request. */
function idOf(tls: TargetTls): string {
  let id = ids.get(tls);
  if (id === undefined) {
    id = createHash('sha256').update(JSON.stringify(tls)).digest('base64url');
    ids.set(tls, id);
  }
  return id;
}

/** TLS options for a new connection to a target. */
export function tlsOptions(target: Target, tls: TargetTls): ConnectionOptions {
  const { servername, rejectUnauthorized } = tls;
  const known = sessions.get(connectionKey(target));
  return {
    ALPNProtocols: ['http/1.1'],
    secureContext: contextOf(tls),
    rejectUnauthorized,
    ...(servername === undefined ? {} : { servername }),
    ...(known === undefined || known.until < performance.now() ? {} : { session: known.session }),
  };
}

/** Keeps the TLS sessions of a connection for the next one to the same target. */
export function keepSessions(socket: TLSSocket, target: Target): void {
  const key = connectionKey(target);
  socket.on('session', (session: Buffer) => {
    const until = sessions.get(key)?.until ?? 0;
    sessions.delete(key);
    // A connection that continues an older session has not checked a certificate.
    sessions.set(key, { session, until: socket.isSessionReused() ? until : performance.now() + sessionMs });
    shorten(sessions, most.sessions);
  });
  // The session may have caused the failure.
  socket.once('error', () => sessions.delete(key));
}

function contextOf(tls: TargetTls): SecureContext {
  const id = idOf(tls);
  let context = contexts.get(id);
  if (context === undefined) {
    const { ca, cert, key } = tls;
    context = createSecureContext({
      ...(ca && { ca: [...ca] }),
      ...(cert && { cert: [...cert] }),
      ...(key && { key: [...key] }),
    });
  }
  contexts.delete(id);
  contexts.set(id, context);
  shorten(contexts, most.contexts);
  return context;
}

/** Removes the entries that were used longest ago. */
function shorten(map: Map<string, unknown>, size: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= size) return;
    map.delete(oldest);
  }
}

/**
 * Checks the certificates and keys of a router.
 *
 * @returns their fault, in a sentence; `undefined`: none
 */
export function tlsFault(source: TargetSource): string | undefined {
  if (source.kind === 'built-in') return undefined;
  const sample = source.kind === 'list' ? undefined : createTargetWith(source.options, { host: 'a.name', port: 443 });
  for (const { tls } of source.kind === 'list' ? source.targets : [sample as Target]) {
    if (tls?.ca === undefined && tls?.cert === undefined) continue;
    // Known ones have been checked.
    const fault = contexts.has(idOf(tls)) ? undefined : (certificateFault('ca', tls) ?? certificateFault('cert', tls));
    if (fault !== undefined) return fault;
    try {
      contextOf(tls);
    } catch (error) {
      return `tls.key: it does not fit tls.cert: ${(error as Error).message}`;
    }
  }
  return undefined;
}

/** Node ignores a text that is no certificate. */
function certificateFault(key: 'ca' | 'cert', tls: TargetTls): string | undefined {
  try {
    for (const one of (tls[key] ?? []).flatMap((text) => text.match(certificates) ?? [''])) new X509Certificate(one);
    return undefined;
  } catch (error) {
    return `tls.${key}: it contains no PEM certificate: ${(error as Error).message}`;
  }
}

const certificates = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END [A-Z0-9 ]+-----/g;
