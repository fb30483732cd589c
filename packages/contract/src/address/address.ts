import { isIP, isIPv4, isIPv6 } from 'node:net';

/** The address of a peer. An IPv4 peer of an IPv6 socket (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) has its IPv4 address. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}

/** Whether an address is the unspecified one (RFC 4291 section 2.5.2): a server that has it listens on all addresses. */
export function isUnspecified(address: string | undefined): boolean {
  return address === '0.0.0.0' || address === '::';
}

/**
 * Returns an address in its canonical form: IPv6 as in RFC 5952; an IPv4-mapped IPv6 address, in any spelling, as IPv4.
 *
 * @returns `undefined` for anything but an address, and for an address with a zone
 */
export function canonicalAddress(address: string): string | undefined {
  if (isIP(address) !== 6) return isIPv4(address) ? address : undefined;
  const url = `http://[${address}]/`;
  if (!URL.canParse(url)) return undefined;
  const text = new URL(url).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return text;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 0xff, b >> 8, b & 0xff].join('.');
}

/**
 * Reads an address as proxies write it: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`, with a zone
 * (RFC 4007 section 11) or in quotes (RFC 7239 section 4). Port and zone are left out.
 *
 * @returns `undefined` for anything else: `unknown`, a name, an empty text
 */
export function readAddress(text: string): string | undefined {
  if (text.length > maxLength) return undefined;
  const trimmed = text.trim();
  const bare = /^".*"$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
  const [, ipv4] = /^([\d.]+)(?::\d{1,5})?$/.exec(bare) ?? [];
  if (ipv4 !== undefined) return canonicalAddress(ipv4);
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(bare) ?? [];
  const [ipv6 = ''] = (bracketed ?? bare).split('%');
  return isIPv6(ipv6) ? canonicalAddress(ipv6) : undefined;
}

/** Longer than any address with zone, port, quotes and some blanks. */
const maxLength = 128;
