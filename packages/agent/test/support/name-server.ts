import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** What a name has in the zone of a {@link NameServer}. */
export interface Zone {
  a?: readonly string[];
  aaaa?: readonly string[];
  srv?: readonly { readonly priority: number; readonly weight: number; readonly port: number; readonly name: string }[];
  /** Time to live, in seconds. */
  ttl?: number;
}

/** A name server that answers as its zones say at the moment. */
export interface NameServer {
  readonly address: string;
  readonly zones: Record<string, Zone | undefined>;
  /** Questions so far, as `a.test A`. */
  readonly questions: string[];
  /** Whether it answers SERVFAIL to all. */
  failing: boolean;
  /** Goes away. */
  stop(): void;
}

const types = { 1: 'A', 28: 'AAAA', 33: 'SRV' } as const;

/** Starts a name server of A, AAAA and SRV records (RFC 1035 section 4, RFC 2782) over UDP. */
export async function startNameServer(zones: Record<string, Zone | undefined>): Promise<NameServer> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let stopped = false;
  const stop = (): void => {
    if (!stopped) socket.close();
    stopped = true;
  };
  onTestFinished(stop);
  const server: NameServer = {
    address: `127.0.0.1:${socket.address().port}`,
    zones,
    questions: [],
    failing: false,
    stop,
  };
  socket.on('message', (query, { port, address }) => {
    const { name, end } = readName(query, 12);
    const type = types[query.readUInt16BE(end) as keyof typeof types];
    server.questions.push(`${name} ${type}`);
    const zone = zones[name];
    const records = type === undefined || zone === undefined ? [] : recordsOf(zone, type);
    const question = query.subarray(12, end + 4);
    const header = Buffer.from(query.subarray(0, 12));
    // NXDOMAIN for a name that is not there, no error for one without records of this type.
    header.writeUInt16BE(0x8180 | (server.failing ? 2 : zone === undefined ? 3 : 0), 2);
    header.writeUInt16BE(server.failing ? 0 : records.length, 6);
    header.writeUInt32BE(0, 8);
    const answers = server.failing
      ? []
      : records.map((data) => answerOf(query.readUInt16BE(end), zone?.ttl ?? 1, data));
    socket.send(Buffer.concat([header, question, ...answers]), port, address);
  });
  return server;
}

function recordsOf({ a = [], aaaa = [], srv = [] }: Zone, type: 'A' | 'AAAA' | 'SRV'): Buffer[] {
  if (type === 'SRV') {
    return srv.map(({ priority, weight, port, name }) => {
      const numbers = Buffer.alloc(6);
      [priority, weight, port].forEach((value, index) => {
        numbers.writeUInt16BE(value, index * 2);
      });
      return Buffer.concat([numbers, writeName(name)]);
    });
  }
  const addresses = type === 'A' ? a : aaaa;
  return addresses.map((address) =>
    type === 'A' ? Buffer.from(address.split('.').map(Number)) : bytesOfIPv6(address),
  );
}

/** One record: its name is the one that was asked for. */
function answerOf(type: number, ttl: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]),
    Buffer.from([0]),
  ]);
}

/** Only forms with one `::`, as tests write them. */
function bytesOfIPv6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = [head, tail].map((part) => part.split(':').filter(Boolean));
  const [before = [], after = []] = groups;
  const bytes = Buffer.alloc(16);
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  all.forEach((group, index) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  });
  return bytes;
}
