import { isIPv6 } from 'node:net';

/**
 * Whether a connection to a host of this machine reaches a server that listens at an address: several servers may have one port, each at an address of
 * its own.
 *
 * @param host - an address, or `localhost`; `undefined`: any
 * @param address - `undefined`: it is not known
 */
export function reaches(host: string | undefined, address: string | undefined): boolean {
  if (host === undefined || address === undefined || host === address || address === '::') return true;
  if (address === '0.0.0.0') return !isIPv6(host);
  return host === 'localhost' && (address === '::1' || address.startsWith('127.'));
}
