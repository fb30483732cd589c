/** What a browser says of the page that has it send a request. */
export interface PageHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
  /** What version 8 of the WebSocket protocol has in the place of `Origin` (draft-ietf-hybi-thewebsocketprotocol-10, section 11.3.2). */
  readonly 'sec-websocket-origin'?: string | readonly string[] | undefined;
  /** https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header */
  readonly 'sec-fetch-site'?: string | readonly string[] | undefined;
}

/**
 * Header by which an agent vouches for a request: it has looked at the page behind it. No page can set it, since browsers keep names that
 * begin with `Sec-` for themselves (https://fetch.spec.whatwg.org/#forbidden-request-header); what a client sends of it is removed.
 */
export const vouchHeader = 'sec-gopush-vouched';

/**
 * Whether the page behind a request may have sent it. Browsers send cookies with cross-site WebSocket handshakes and apply no CORS to them,
 * and send simple requests before they look at the answer, so the server has to look (RFC 6455 section 10.2). Programs name no page.
 *
 * @param allowed - origins besides the server's own; `*` is any
 * @param publicHost - what the client calls the server, where a proxy has put another `Host` in its place
 */
export function isPageAllowed(headers: PageHeaders, allowed: readonly string[], publicHost = headers.host): boolean {
  const { host, 'sec-fetch-site': site, 'sec-websocket-origin': ofVersion8 } = headers;
  if (allowed.includes('*') || site === 'same-origin') return true;
  const given = headers.origin ?? (ofVersion8 === undefined ? undefined : String(ofVersion8));
  if (given === undefined) return site === undefined || site === 'none';
  const origin = readOrigin(given);
  return allowed.includes(origin) || isOriginOf(host, origin) || isOriginOf(publicHost, origin);
}

/**
 * An `Origin` header as browsers write it. WebSocket libraries of programs also send the URL they connect to: with `ws:` or `wss:`, with a slash
 * at its end, with a default port, in capital letters.
 *
 * @returns what came where it is no such origin, as `null`
 */
export function readOrigin(given: string): string {
  const match = /^(https?|wss?):\/\/([^/?#@\\\s]+)\/?$/i.exec(given);
  if (match === null) return given;
  const [, scheme = '', host = ''] = match.map((part) => part.toLowerCase());
  const isSecure = scheme.endsWith('s') && scheme !== 'ws';
  return isSecure ? `https://${host.replace(/:443$/, '')}` : `http://${host.replace(/:80$/, '')}`;
}

/** Without the scheme: TLS may end in front of us. */
function isOriginOf(host: string | undefined, origin: string): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  return match !== null && host !== undefined && withoutDefaultPort(match[1]) === withoutDefaultPort(host);
}

function withoutDefaultPort(host: string | undefined): string | undefined {
  return host?.toLowerCase().replace(/:(80|443)$/, '');
}
