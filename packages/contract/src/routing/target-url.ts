/** The address of a target, parsed from a URL. */
export interface TargetAddress {
  /** Address or host name; `localhost` with a Unix socket. */
  readonly host: string;
  /** 1 to 65535; 0 with a Unix socket. */
  readonly port: number;
  readonly socketPath?: string;
  /** Whether the target uses TLS. */
  readonly isSecure: boolean;
}

const maxLength = 512;

/** Longest path of a Unix socket, in bytes: `sun_path` without its terminator, as on BSD and macOS; Linux allows a little more. */
const maxSocketPath = 103;

/**
 * Parses the URL of a target: `http://`, `https://`, `ws://` or `wss://` with a host and an optional port, or `unix:` with the path of a socket.
 *
 * @returns the address, or a sentence with the problem
 */
export function parseTargetUrl(text: string): TargetAddress | string {
  if (text.length > maxLength) return `found a URL of ${text.length} characters, wanted at most ${maxLength}`;
  // Checked first, so that no message contains a password.
  if (/^[^/?#]*:?\/*[^/?#]*@/.test(text)) return 'found a user name or password in the URL of a target, wanted none';
  const shown = JSON.stringify(text.slice(0, 120));
  if (text.startsWith('unix:')) return parseUnix(text, shown);
  const [, scheme] = /^(https?|wss?):\/\/(?=[^/])/i.exec(text) ?? [];
  if (scheme === undefined || /^http:\/\/unix:/i.test(text)) return `found ${shown}, wanted ${wantedUrl}`;
  if (!URL.canParse(text)) return `found ${shown}, wanted a host, and optionally a port from 1 to 65535`;
  const { hostname, port, pathname, search, hash } = new URL(text);
  if (pathname !== '/' || search !== '' || hash !== '' || /[?#\\]/.test(text)) {
    return `found ${shown}, wanted a URL without a path: a target gets the path of the request, after stripPath of the route`;
  }
  const isSecure = secure.test(scheme);
  const number = port === '' ? (isSecure ? 443 : 80) : Number(port);
  if (number === 0) return `found ${shown}, wanted a port from 1 to 65535`;
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: number, isSecure };
}

const secure = /^(?:https|wss)$/i;

const wantedUrl = 'http://host:port, https://host:port, ws://host:port, wss://host:port or unix:/path';

function parseUnix(text: string, shown: string): TargetAddress | string {
  const [, path] = /^unix:(?:\/\/(?=\/))?(\/.*[^/])$/.exec(text) ?? [];
  if (path === undefined || path.includes('\0'))
    return `found ${shown}, wanted unix: and the absolute path of a socket, such as unix:/run/app.sock`;
  if (Buffer.byteLength(path) > maxSocketPath) {
    return `found ${shown}, wanted a path of at most ${maxSocketPath} bytes, the limit of systems for a socket`;
  }
  return { host: 'localhost', port: 0, socketPath: path, isSecure: false };
}
