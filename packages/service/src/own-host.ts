import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** Ends of names that no public DNS can have (RFC 6761, RFC 8375, and what ICANN keeps for private use), and those inside Kubernetes. */
const privateEnds = ['.localhost', '.internal', '.test', '.home.arpa', '.cluster.local', '.svc'];

/**
 * Whether a `Host` names this machine as only those who mean it can. A name of public DNS may be somebody else's who points it here, so
 * that the browser takes us for part of that page (DNS rebinding); an address, a name without a dot, or a private name cannot.
 *
 * @param host - the `Host` header; none: not from a browser
 * @param names - further names of this machine; `*.example.com` is all names below that
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
