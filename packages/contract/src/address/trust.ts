import { BlockList, isIPv4 } from 'node:net';

/** Whether an address is in a trusted network. */
export type Trust = (address: string) => boolean;

/**
 * Makes a check for addresses of these networks.
 *
 * IPv4 is compared as numbers here: each connection and each request asks, and libraries make objects of each address that they are asked for
 * (docs/decisions/0034-networks-of-addresses.md).
 *
 * @param networks - in CIDR notation (RFC 4632), already checked
 */
export function createTrust(networks: readonly string[]): Trust {
  const ofIpv4: { readonly network: number; readonly mask: number }[] = [];
  // IPv6 has a list of its own: in a common list `::/0` would contain IPv4 addresses too.
  const ofIpv6 = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    if (isIPv4(address)) {
      const mask = Number(bits) === 0 ? 0 : -1 << (32 - Number(bits));
      ofIpv4.push({ network: numberOf(address) & mask, mask });
    } else ofIpv6.addSubnet(address, Number(bits), 'ipv6');
  }
  return (address) => {
    if (!isIPv4(address)) return ofIpv6.check(address, 'ipv6');
    if (ofIpv4.length === 0) return false;
    const asked = numberOf(address);
    return ofIpv4.some(({ network, mask }) => (asked & mask) === network);
  };
}

/** The 32 bits of an IPv4 address. */
function numberOf(address: string): number {
  return address.split('.').reduce((bits, part) => (bits << 8) | Number(part), 0);
}
