import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** Suffixes that public DNS cannot have (RFC 6761, RFC 8375, ICANN's private-use names), and those inside Kubernetes. */
const privateEnds = ['.localhost', '.internal', '.test', '.home.arpa', '.cluster.local', '.svc'];

/**
 * Whether a `Host` cannot be used for DNS rebinding. A public DNS name may belong to an attacker who points it here, so that the browser treats us
 * as part of the attacker's page. An address, a name without a dot, or a private name cannot.
 *
 * @param host - the `Host` header; absent: not from a browser
 * @param names - further names of this machine; `*.example.com` matches all names below `example.com`
 */
export function isOwnHost(host: string | undefined, names: readonly string[] = []): boolean {
  if (host === undefined || host === '') return true;
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
  if (isIP(name) !== 0 || /^[a-z0-9_-]+$/.test(name)) return true;
  if (privateEnds.some((end) => name.endsWith(end))) return true;
  return name === hostname().toLowerCase() || names.some((one) => isNameIn(one.toLowerCase(), name));
}

function isNameIn(pattern: string, name: string): boolean {
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;
}
