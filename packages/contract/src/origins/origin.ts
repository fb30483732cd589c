import { isIP } from 'node:net';

/** The origin of a page (RFC 6454) in its canonical form. */
export interface PageOrigin {
  /** As browsers write it: lower case, punycode, without a default port, a trailing dot or a trailing slash. */
  readonly text: string;
  readonly scheme: string;
  /** IPv6 addresses in brackets; empty for `file://`. */
  readonly host: string;
  /** Absent if it is the default port of the scheme. */
  readonly port: number | undefined;
}

/** A host with an optional port. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number | undefined;
}

const originForm = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)\/?$/i;
const hostForm = /^(\[[0-9a-f:.]+\]|[^\s:/?#@\\[\]%]+)(?::(\d{1,5}))?$/i;

/** Some clients name the scheme of the WebSocket rather than that of their page. */
const schemesOfPages: Readonly<Record<string, string>> = { ws: 'http', wss: 'https' };

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * Reads an `Origin`.
 *
 * @returns `undefined` for the opaque origin `null`, and for text that is not an origin
 */
export function readOrigin(text: string): PageOrigin | undefined {
  const match = originForm.exec(text);
  if (match === null) return undefined;
  const given = (match[1] as string).toLowerCase();
  const scheme = schemesOfPages[given] ?? given;
  const authority = match[2] as string;
  // Pages of files have no host (RFC 8089).
  if (authority === '') return scheme === 'file' ? { text: 'file://', scheme, host: '', port: undefined } : undefined;
  const place = readHost(authority);
  if (place === undefined) return undefined;
  const port = place.port === defaultPorts[scheme] ? undefined : place.port;
  return { text: writeOrigin(scheme, place.host, port), scheme, host: place.host, port };
}

/** Writes an origin as browsers do. */
export function writeOrigin(scheme: string, host: string, port: number | undefined): string {
  return `${scheme}://${host}${port === undefined ? '' : `:${port}`}`;
}

/** Reads a `Host`, or the authority of a URL; `undefined` for other text. */
export function readHost(text: string): HostAndPort | undefined {
  const match = hostForm.exec(text);
  if (match === null) return undefined;
  const host = canonicalHost(match[1] as string);
  const port = match[2] === undefined ? undefined : Number(match[2]);
  return host === undefined || (port !== undefined && port > 65_535) ? undefined : { host, port };
}

const plainName = /^(?:[a-z0-9_-]+\.)*[a-z][a-z0-9-]*$/;

/** Lower case, punycode (RFC 5891), addresses in their shortest form, without the dot at the end. */
function canonicalHost(host: string): string | undefined {
  // Nearly all: a name as browsers write it, whose last part no parser takes for an address.
  if (plainName.test(host) && !host.includes('xn--')) return host;
  const url = `http://${host}`;
  if (!URL.canParse(url)) return undefined;
  return new URL(url).hostname.replace(/\.$/, '') || undefined;
}

/** Whether an origin is that of a page of this machine, of whatever port. Browsers ask no DNS for `localhost` (RFC 6761 section 6.3). */
export function isLocalOrigin({ scheme, host }: PageOrigin): boolean {
  return scheme in defaultPorts && isLocalHost(host);
}

/** Whether a host is this machine's own, in the form that {@link readHost} gives. */
export function isLocalHost(host: string): boolean {
  if (host === 'localhost' || host === '[::1]' || host.endsWith('.localhost')) return true;
  return host.startsWith('127.') && isIP(host) === 4;
}

/** Suffixes that public DNS cannot have and developers use (RFC 6761, RFC 6762, RFC 8375, ICANN's private-use names). */
const privateEnds = ['.localhost', '.test', '.local', '.internal', '.home.arpa'];

/** Whether a `Host` is a name that public DNS may have. */
export function isPublicHost(text: string): boolean {
  const host = readHost(text)?.host;
  if (host === undefined || !host.includes('.') || host.startsWith('[') || isIP(host) !== 0) return false;
  return !privateEnds.some((end) => host.endsWith(end));
}
