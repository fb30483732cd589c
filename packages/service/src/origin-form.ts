import type { IncomingMessage, Server } from 'node:http';

/**
 * Brings the targets of a server's requests into the one form in which all that listens to it by now takes them: path and query. Whole URLs have to
 * be taken (RFC 9112 section 3.2.2): `GET http://host/path` looks as if path and host had been named apart; the host of the URL counts,
 * whatever `Host` says. A fragment, which some clients forget to take off, is taken off, as Node and nginx ignore it.
 */
export function useOriginForm(server: Server): void {
  server.prependListener('request', bringToOriginForm);
  server.prependListener('upgrade', bringToOriginForm);
}

/** Without user and fragment, which a request has no use for and others may take for the host. */
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
  // Of several the others stay: which of them is meant is for the listener to refuse.
  if (at === -1) rawHeaders.push('Host', host);
  else rawHeaders[at + 1] = host;
}
