import { BlockList, isIPv4 } from 'node:net';

/** Whether what a peer of this address says of its own clients is believed. */
export type Trust = (address: string) => boolean;

/**
 * Believes peers of these networks.
 *
 * @param networks - in CIDR notation (RFC 4632), already checked
 */
export function createTrust(networks: readonly string[]): Trust {
  const ofIpv4: { readonly network: number; readonly mask: number }[] = [];
  // Of IPv4 in a list of their own: in a common one an address of it would be found in ::/0 as well.
  const ofIpv6 = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    if (isIPv4(address)) {
      const mask = Number(bits) === 0 ? 0 : -1 << (32 - Number(bits));
      ofIpv4.push({ network: numberOf(address) & mask, mask });
    } else ofIpv6.addSubnet(address, Number(bits), 'ipv6');
  }
  return (address) => {
    // Node's list makes objects of each address it is asked for, and each connection and each request asks.
    if (!isIPv4(address)) return ofIpv6.check(address, 'ipv6');
    if (ofIpv4.length === 0) return false;
    const asked = numberOf(address);
    return ofIpv4.some(({ network, mask }) => (asked & mask) === network);
  };
}

/** The 32 bits of an address of IPv4. */
function numberOf(address: string): number {
  return address.split('.').reduce((bits, part) => (bits << 8) | Number(part), 0);
}
