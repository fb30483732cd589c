import type { IncomingMessage, Server } from 'node:http';

/**
 * Makes a server accept requests whose target is a whole URL, as any must (RFC 9112 section 3.2.2): `GET http://host/path`. To all that listens
 * by now they look as if they had named path and host apart; the host of the URL counts, whatever `Host` says.
 */
export function acceptAbsoluteForm(server: Server): void {
  server.prependListener('request', useOriginForm);
  server.prependListener('upgrade', useOriginForm);
}

/** Without user and fragment, which a request has no use for and others may take for the host. */
const absolute = /^(?:https?|wss?):\/\/((?:\[[0-9a-f:.]+\]|[-\w.~%!$&'()*+,;=]+)(?::\d{0,5})?)((?:[/?][^#]*)?)$/i;

function useOriginForm(request: IncomingMessage): void {
  const { url = '', headers, rawHeaders } = request;
  if (url.startsWith('/')) return;
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
