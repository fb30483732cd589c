import type { IncomingMessage, Server } from 'node:http';

/**
 * Rewrites the request targets of a server to path and query, the form that its listeners expect. A server has to accept absolute URLs (RFC 9112
 * section 3.2.2): for `GET http://host/path`, the listeners see path and `Host` of the URL, not the `Host` that was sent. A fragment, which some
 * clients send, is removed, as Node and nginx ignore it.
 */
export function useOriginForm(server: Server): void {
  server.prependListener('request', bringToOriginForm);
  server.prependListener('upgrade', bringToOriginForm);
}

/** Matches without user and fragment, which a request does not need, and which other parsers may take for the host. */
const absolute = /^(?:https?|wss?):\/\/((?:\[[0-9a-f:.]+\]|[-\w.~%!$&'()*+,;=]+)(?::\d{0,5})?)((?:[/?][^#]*)?)$/i;

function bringToOriginForm(request: IncomingMessage): void {
  const { url = '', headers, rawHeaders } = request;
  if (url.startsWith('/')) {
    const fragment = url.indexOf('#');
    if (fragment !== -1) request.url = url.slice(0, fragment);
    return;
  }
  const match = absolute.exec(url);
  if (match === null) return;
  const [, host = '', path = ''] = match;
  request.url = path.startsWith('/') ? path : `/${path}`;
  headers.host = host;
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  // If there are several `Host` headers, the others stay, so that the listener refuses them as ambiguous.
  if (at === -1) rawHeaders.push('Host', host);
  else rawHeaders[at + 1] = host;
}
