import type { AddressInfo, ListenOptions, Server } from 'node:net';

/** A port could not be listened on. The message is one line that names the setting. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Settings that decide where to listen, for messages. */
export interface ListenSettings {
  /** Setting of the port, such as `serverPortStart`. */
  readonly port: string;
  /** Number added to it, such as the number of the process. @defaultValue 0 */
  readonly offset?: number;
  /** Setting of the address, such as `pushServer.host`. */
  readonly host: string;
}

/**
 * Starts listening.
 *
 * @returns the address
 * @throws ListenError if the port is in use or not allowed; the message names the setting to change
 */
export async function listen(server: Server, options: ListenOptions, settings?: ListenSettings): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', listening);
      reject(new ListenError(explain(error, options, settings), { cause: error }));
    };
    const listening = (): void => {
      server.off('error', failed);
      resolve(server.address() as AddressInfo);
    };
    server.once('error', failed);
    server.once('listening', listening);
    try {
      server.listen(options);
    } catch (error) {
      // The number is out of range.
      server.off('error', failed);
      failed(error as NodeJS.ErrnoException);
    }
  });
}

/** `<scheme>://host:port` of an address; the loopback address stands for "all addresses". */
export function urlOf({ address, family, port }: AddressInfo, scheme: 'http' | 'https' = 'http'): string {
  const host = address === '::' || address === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}

function explain(
  error: NodeJS.ErrnoException,
  { host, port }: ListenOptions,
  settings: ListenSettings | undefined,
): string {
  const where = host === undefined ? `port ${port}` : `port ${port} of ${host}`;
  const [ofPort, ofHost] =
    settings === undefined ? ['', ''] : [`: change ${describePort(settings)}`, `: change ${settings.host}`];
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where} is in use by another program${settings === undefined ? '' : `: stop that, or change ${describePort(settings)}`}`;
    case 'EACCES':
      return `${where} cannot be used: permission denied (ports below 1024 need privileges)${ofPort}`;
    case 'EADDRNOTAVAIL':
      return `${where}: this machine has no such address${ofHost}`;
    case 'EAFNOSUPPORT':
      return `${where}: this machine has no addresses of this family (is IPv6 off?)${ofHost}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${where}: the name ${host} cannot be resolved${ofHost}`;
    case 'ERR_SOCKET_BAD_PORT':
      return `port ${port}: the highest port is 65535${ofPort}`;
    default:
      return `${where}: listening failed: ${error.message}${ofPort}`;
  }
}

function describePort({ port, offset = 0 }: ListenSettings): string {
  return offset === 0 ? port : `${port} (+ ${offset} for this process)`;
}
