import type { IncomingMessage } from 'node:http';
import { isOwnHost } from '../own-host.ts';

/**
 * Returns why a request may come from a page in a browser on this machine or in this network; `undefined`: it does not. Pages can send requests
 * here as any program can, to our address or to a name of their own that points here.
 *
 * @param names - names and addresses of this listener
 */
export function whyForeign({ headers, method, url }: IncomingMessage, names: readonly string[]): string | undefined {
  const { host, origin, 'sec-fetch-site': site } = headers;
  // Load balancers and supervisors use all kinds of names, and learn no more than one bit.
  const isProbe = method === 'GET' && /^\/(livez|readyz)$/.test(url ?? '');
  if (!isProbe && !isOwnHost(host, names)) {
    return `Host: found ${host}, wanted an address, a private name, or one of admin.allowedHosts`;
  }
  if (origin !== undefined && origin.replace(/^https?:\/\//, '') !== host) {
    return `Origin: found ${origin}, wanted none, or that of the admin listener`;
  }
  if (site === undefined || site === 'none' || site === 'same-origin') return undefined;
  return `Sec-Fetch-Site: found ${site}, wanted none, or a page of the admin listener itself`;
}
