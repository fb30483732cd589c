import { isIPv6 } from 'node:net';

/** The network by which a client is counted: an IPv4 address itself, or the /64 of an IPv6 address, which belongs to one subscriber (RFC 6177). */
export function networkOf(address: string): string {
  // Most are IPv4: they are told from IPv6 without the long expression of that.
  if (!address.includes(':') || !isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(Boolean).length;
  return [...groups, ...Array<string>(missing).fill('0')].slice(0, 4).join(':');
}
