import type { AddressInfo, ListenOptions, Server } from 'node:net';

/** A port that could not be listened on, in one clear line. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Starts listening.
 *
 * @returns the address that was taken
 * @throws ListenError where the port is in use or may not be used
 */
export async function listen(server: Server, options: ListenOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', listening);
      reject(new ListenError(explain(error, options), { cause: error }));
    };
    const listening = (): void => {
      server.off('error', failed);
      resolve(server.address() as AddressInfo);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen(options);
  });
}

/** `<scheme>://host:port` of an address; the loopback address stands for "all addresses". */
export function urlOf({ address, family, port }: AddressInfo, scheme: 'http' | 'https' = 'http'): string {
  const host = address === '::' || address === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}

function explain(error: NodeJS.ErrnoException, { host, port }: ListenOptions): string {
  const where = host === undefined ? `port ${port}` : `port ${port} of ${host}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where} is in use by another program`;
    case 'EACCES':
      return `${where} may not be used: permission denied (ports below 1024 need privileges)`;
    case 'EADDRNOTAVAIL':
      return `${where}: this machine has no such address`;
    default:
      return `${where} cannot be listened on: ${error.message}`;
  }
}
