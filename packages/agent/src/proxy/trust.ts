import { BlockList, isIPv4 } from 'node:net';

/** Whether what a peer of this address says of its own clients is believed. */
export type Trust = (address: string) => boolean;

/**
 * Believes peers of these networks.
 *
 * @param networks - in CIDR notation (RFC 4632), already checked
 */
export function createTrust(networks: readonly string[]): Trust {
  // A list for each family: in a common one an address of IPv4 would be found in ::/0 as well.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = familyOf(address);
    lists[family].addSubnet(address, Number(bits), family);
  }
  return (address) => {
    const family = familyOf(address);
    return lists[family].check(address, family);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** A peer's address; one of IPv4 that came in through a socket of IPv6 (RFC 4291 section 2.5.5.2) as the IPv4 it is. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}
