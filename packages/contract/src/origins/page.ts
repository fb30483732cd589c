import type { AllowedOrigins } from './allowed-origins.ts';
import { type HostAndPort, type PageOrigin, readHost, readOrigin } from './origin.ts';

/** Headers by which a browser tells which page sent a request. */
export interface PageHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
  /** Used instead of `Origin` by version 8 of the WebSocket protocol (draft-ietf-hybi-thewebsocketprotocol-10, section 11.3.2). */
  readonly 'sec-websocket-origin'?: string | readonly string[] | undefined;
  /** https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header */
  readonly 'sec-fetch-site'?: string | readonly string[] | undefined;
}

/** How the client of a request reached the server. */
export interface AskedServer {
  /** Names of the server in the request: `Host`, and the host that proxies forward. */
  readonly hosts: readonly string[];
  /** Whether it came by TLS for certain. @defaultValue false: TLS may end in front of us */
  readonly isSecure?: boolean;
}

/**
 * Header by which an agent vouches for a request: it has checked the page that sent it. No page can set it, since browsers reserve names that
 * begin with `Sec-` (https://fetch.spec.whatwg.org/#forbidden-request-header). The agent removes it from requests of clients.
 */
export const vouchHeader = 'sec-gopush-vouched';

/** Whether a request comes from a page: browsers send these headers, programs do not. */
export function namesPage(headers: PageHeaders): boolean {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) return true;
  return headers['sec-websocket-origin'] !== undefined;
}

/**
 * Says why the page behind a request may not have sent it; `undefined`: it may. Browsers send cookies with cross-site WebSocket handshakes and
 * apply no CORS to them, and send simple requests before they check the response, so the server has to check (RFC 6455 section 10.2). Programs
 * name no page.
 *
 * @param allowed - origins besides the server's own
 * @param asked - by which names, and how, the client reached the server
 * @param setting - the setting that lists the origins, for the message
 * @returns a sentence for logs and responses: the origin, what it was compared with, and the setting to change
 */
export function whyRefused(
  headers: PageHeaders,
  allowed: AllowedOrigins,
  asked: AskedServer,
  setting: string,
): string | undefined {
  const { 'sec-fetch-site': site, 'sec-websocket-origin': ofVersion8 } = headers;
  const origin = headers.origin ?? (ofVersion8 === undefined ? undefined : String(ofVersion8));
  if (allowed.any || site === 'same-origin') return undefined;
  if (origin === undefined) {
    if (site === undefined || site === 'none') return undefined;
    return `A page of another origin sent this request without an Origin header (Sec-Fetch-Site: ${printable(String(site))}).`;
  }
  const page = readOrigin(origin);
  if (page !== undefined && allowed.lists(page, asked.hosts)) return undefined;
  const own = asked.hosts.flatMap((host) => readHost(host) ?? []);
  const isOwn = page !== undefined && own.some((host) => isPlaceOf(host, page));
  if (isOwn && isSchemeOf(asked, page)) return undefined;
  return describe({ origin, page, hosts: asked.hosts, own, setting, isOwn });
}

/** With any default port: TLS may end in front of us. */
function isPlaceOf(own: HostAndPort, page: PageOrigin): boolean {
  const isWeb = page.scheme === 'http' || page.scheme === 'https';
  return isWeb && page.host === own.host && unlessDefault(page.port) === unlessDefault(own.port);
}

/** An attacker between a browser and a server can write pages of `http`, but must not reach what `https` protects. */
function isSchemeOf({ isSecure = false }: AskedServer, page: PageOrigin): boolean {
  return !isSecure || page.scheme === 'https';
}

function unlessDefault(port: number | undefined): number | undefined {
  return port === 80 || port === 443 ? undefined : port;
}

/** A page that may not, and what it was compared with. */
interface RefusedPage {
  readonly origin: string;
  readonly page: PageOrigin | undefined;
  readonly hosts: readonly string[];
  readonly own: readonly HostAndPort[];
  readonly setting: string;
  /** Whether only the scheme differs. */
  readonly isOwn: boolean;
}

function describe({ origin, page, hosts, own, setting, isOwn }: RefusedPage): string {
  const compared = hosts.length === 0 ? 'no Host' : `Host ${hosts.map(printable).join(', ')}`;
  const found = `The origin of the page is ${printable(origin)}. It was compared with ${compared} and with ${setting}.`;
  if (page === undefined) return `${found} Such an origin cannot be listed: only "*" allows it.`;
  const add = `To allow it, add ${printable(page.text)} to ${setting}.`;
  if (isOwn) {
    return `${found} Only the scheme differs: the page was loaded over http, so it may have been changed in transit. ${add}`;
  }
  if (!own.some(({ host }) => host === page.host)) return `${found} ${add}`;
  return `${found} Only the port differs: a proxy in front should pass the Host header with its port ($http_host in nginx). ${add}`;
}

/** Shortens and escapes text of a client, so that it can neither break a log line nor fill a log. */
export function printable(text: string): string {
  return JSON.stringify(text.slice(0, 200)).replace(/[^ -~]/g, '?');
}
