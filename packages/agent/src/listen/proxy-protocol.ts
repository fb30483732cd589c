import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/**
 * The PROXY protocol, versions 1 and 2: a proxy announces its client before the client's own bytes.
 * Source: https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt
 */

/** The client of a proxy. */
export interface ProxiedPeer {
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}

/** The first bytes of a connection, as far as they have come. */
export type ProxyHeader =
  /** The start of a header; more must follow. */
  | { readonly kind: 'partial' }
  /** Not a header, and more bytes cannot change that. */
  | { readonly kind: 'malformed'; readonly problem: string }
  /**
   * A complete header; `length` in bytes. Without a peer the proxy speaks for itself, as in a health check, or for a
   * client with an unknown address: then the address of the connection counts.
   */
  | { readonly kind: 'whole'; readonly length: number; readonly peer: ProxiedPeer | undefined };

/** Longest header of version 1 with its line end, in bytes (section 2.1). */
const maxLengthV1 = 107;

/** Longest version 2 that is accepted, after its first 16 bytes. The format allows 65535; addresses and usual TLVs take a few hundred. */
const maxBlockV2 = 4_096;

const startV1 = Buffer.from('PROXY ', 'latin1');
const startV2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const fixedV2 = 16;

const partial: ProxyHeader = { kind: 'partial' };

/**
 * Reads the header with which a connection from a proxy begins. Never throws. A header cut anywhere gives `partial`
 * until it is complete; what follows it does not matter.
 *
 * @param bytes - all that has arrived so far
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAs(bytes, startV2)) return bytes.length < fixedV2 ? checkStartV2(bytes) : parseV2(bytes);
  if (startsAs(bytes, startV1)) return parseV1(bytes);
  return malformed('neither version 1 nor version 2');
}

/** Whether bytes agree with a start, as far as both go. */
function startsAs(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function malformed(problem: string): ProxyHeader {
  return { kind: 'malformed', problem };
}

function parseV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, maxLengthV1).indexOf('\r\n');
  if (end === -1) return bytes.length < maxLengthV1 ? partial : malformed('version 1 without the end of the line');
  const line = bytes.toString('latin1', startV1.length, end);
  const length = end + 2;
  // The rest of the line is to be ignored (section 2.1).
  if (/^UNKNOWN(?: |$)/.test(line)) return { kind: 'whole', length, peer: undefined };
  const [protocol, source = '', destination = '', sourcePort = '', destinationPort = '', ...rest] = line.split(' ');
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isPlainIPv6 : undefined;
  if (isAddress === undefined) return malformed('version 1 with a protocol other than TCP4, TCP6 and UNKNOWN');
  if (rest.length > 0) return malformed('version 1 with more than two addresses and two ports');
  if (!isAddress(source) || !isAddress(destination)) return malformed('version 1 with an invalid address');
  if (!isPort(sourcePort) || !isPort(destinationPort)) return malformed('version 1 with an invalid port');
  const port = Number(sourcePort);
  const peer: ProxiedPeer =
    protocol === 'TCP4'
      ? { address: source, port, family: 'IPv4' }
      : { address: plainIPv6(source), port, family: 'IPv6' };
  return { kind: 'whole', length, peer };
}

/** Leading zeros are forbidden, because some would read an octal number (section 2.1). */
function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** An address without a zone, which would have a meaning on the proxy only. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

/** The canonical form of an address (RFC 5952), as Node writes those of its sockets. */
function plainIPv6(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

/** The start of version 2 may show that it is wrong before it is complete. */
function checkStartV2(bytes: Buffer): ProxyHeader {
  const [command, family] = bytes.subarray(startV2.length);
  const problem = problemOfV2(command ?? local, family ?? 0);
  return problem === undefined ? partial : malformed(problem);
}

/** Version 2 with its commands: the proxy speaks for itself, or for a client. */
const local = 0x20;
const proxied = 0x21;

/** Pairs of family and transport of version 2 that have a usable address. */
const tcp4 = 0x11;
const tcp6 = 0x21;

/** How many bytes two addresses and two ports of these take. */
const addressBytes: Readonly<Record<number, number>> = { [tcp4]: 12, [tcp6]: 36 };

function problemOfV2(command: number, family: number): string | undefined {
  if (command !== local && command !== proxied) return 'version 2 with an unknown version or command';
  // Families are unspecified, IPv4, IPv6, Unix; transports unspecified, stream, datagram. A proxy that speaks for itself may use any.
  if (command === proxied && (family >> 4 > 3 || (family & 0x0f) > 2))
    return 'version 2 with an unknown address family';
  return undefined;
}

function parseV2(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const block = bytes.readUInt16BE(14);
  const problem = problemOfV2(command, family);
  if (problem !== undefined) return malformed(problem);
  if (block > maxBlockV2) return malformed(`version 2 longer than ${maxBlockV2} bytes`);
  const needed = command === proxied ? (addressBytes[family] ?? 0) : 0;
  if (block < needed) return malformed('version 2 too short for its addresses');
  const length = fixedV2 + block;
  if (bytes.length < length) return partial;
  // The rest of the block is TLVs, which are not needed here.
  return { kind: 'whole', length, peer: command === proxied ? readPeer(bytes, family) : undefined };
}

function readPeer(bytes: Buffer, family: number): ProxiedPeer | undefined {
  if (family === tcp4) {
    const address = bytes.subarray(fixedV2, fixedV2 + 4).join('.');
    return { address, port: bytes.readUInt16BE(fixedV2 + 8), family: 'IPv4' };
  }
  if (family === tcp6) {
    const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(fixedV2 + 2 * index).toString(16));
    return { address: plainIPv6(groups.join(':')), port: bytes.readUInt16BE(fixedV2 + 32), family: 'IPv6' };
  }
  return undefined;
}
