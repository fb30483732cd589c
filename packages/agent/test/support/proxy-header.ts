import { isIPv4 } from 'node:net';

/** How version 2 of the PROXY protocol begins. */
export const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A header of version 1 for a client of this address. */
export function headerV1(address: string, port: number): Buffer {
  const [protocol, own] = isIPv4(address) ? ['TCP4', '198.51.100.1'] : ['TCP6', '2001:db8::1'];
  return Buffer.from(`PROXY ${protocol} ${address} ${own} ${port} 443\r\n`, 'latin1');
}

/** A header of version 2: for a client of an address, or of any bytes. */
export function headerV2(
  header:
    | { readonly address: string; readonly port: number; readonly tlvs?: Uint8Array }
    | { readonly command: number; readonly family: number; readonly block: Uint8Array },
): Buffer {
  if ('block' in header) return assemble(header.command, header.family, [header.block]);
  const { address, port, tlvs = new Uint8Array() } = header;
  const source = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : bytesOfIPv6(address);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(443, 2);
  return assemble(0x21, isIPv4(address) ? 0x11 : 0x21, [source, Buffer.alloc(source.length, 1), ports, tlvs]);
}

function assemble(command: number, family: number, block: readonly Uint8Array[]): Buffer {
  const rest = Buffer.concat(block);
  const fixed = Buffer.from([command, family, rest.length >> 8, rest.length & 0xff]);
  return Buffer.concat([signature, fixed, rest]);
}

function bytesOfIPv6(address: string): Buffer {
  // The last two groups may be written as IPv4.
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...four: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = four.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [before = '', after] = text.split('::');
  const groupsOf = (part: string): string[] => part.split(':').filter(Boolean);
  const head = groupsOf(before);
  const tail = groupsOf(after ?? '');
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  return bytes;
}
