import type { Libc } from './libc.ts';

const siocoutq = 0x5411;
const fionread = 0x541b;
const shutWriting = 1;
const shutBoth = 2;

/** States of TCP (`enum` in linux/tcp.h). */
const [established, finWait1, finWait2, timeWait, closed, closeWait, lastAck, closing] = [1, 4, 5, 6, 7, 8, 9, 11];

/** States after the client's FIN, and after ours. */
const finReceived = new Set([timeWait, closed, closeWait, lastAck, closing]);
const finSent = new Set([finWait1, finWait2, timeWait, closed, lastAck, closing]);

/** `struct tcp_info` up to `tcpi_bytes_received` (Linux 4.1), and where its fields are. */
const info = { state: 0, lastSent: 44, lastReceived: 52, bytesAcked: 120, bytesReceived: 128, size: 136 } as const;

const bytes = Buffer.from(new ArrayBuffer(info.size));
const words = new Uint32Array(bytes.buffer);
const length = Buffer.from(new ArrayBuffer(4));
const value = Buffer.from(new ArrayBuffer(12));

/** An option of sockets (getsockopt(2)): `TCP_INFO`, `SO_PEERCRED`. */
interface SocketOption {
  readonly level: number;
  readonly name: number;
  /** Memory for its value. */
  readonly into: Buffer;
}

const tcpInfo: SocketOption = { level: 6, name: 11, into: bytes };
const peerCredentials: SocketOption = { level: 1, name: 17, into: value };

/** How often counts are read until no acknowledgment comes between them; the second time nearly always suffices. */
const mostTries = 1_000;

/** What the kernel has counted for a connection. */
export interface KernelCounts {
  /** Bytes that were read out of it. */
  readonly bytesIn: number;
  /** Bytes that were written into it. */
  readonly bytesOut: number;
  /** Whether the client has ended its side. */
  readonly isEnding: boolean;
}

/** What Node cannot ask of, or do to, a socket by its descriptor. */
export class KernelSocket {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Why a descriptor is not a connection that can be served; `undefined`: it is a connected TCP socket. */
  whyUnfit(descriptor: number): string | undefined {
    // Only TCP sockets have this option.
    if (!this.#readInfo(descriptor)) return 'it is no TCP socket';
    const state = bytes[info.state];
    return state === established || state === closeWait ? undefined : 'it is not connected';
  }

  /** Whether neither side of a connection has ended. */
  isEstablished(descriptor: number): boolean {
    return this.#readInfo(descriptor) && bytes[info.state] === established;
  }

  /**
   * The bytes that were read and written so far. Of those written, the kernel counts the acknowledged ones and the
   * others in two calls: between them an acknowledgment may come, so both are read until the first stays the same.
   * After a reset they may be one byte less.
   *
   * @returns `undefined` if the descriptor is no connection, or never stayed the same
   */
  counts(descriptor: number): KernelCounts | undefined {
    for (let tries = 0; tries < mostTries; tries++) {
      if (!this.#readInfo(descriptor)) return undefined;
      const acked = u64(info.bytesAcked);
      const received = u64(info.bytesReceived);
      const outstanding = this.#queued(descriptor, siocoutq);
      const unread = this.#queued(descriptor, fionread);
      // A connection that is over gets no more acknowledgments.
      const isOver = bytes[info.state] === closed;
      if (!isOver && !this.#readInfo(descriptor)) return undefined;
      if (acked !== u64(info.bytesAcked) || received !== u64(info.bytesReceived)) continue;
      const state = bytes[info.state] as number;
      // The kernel counts a FIN as a byte.
      const bytesIn = received - unread - (finReceived.has(state) ? 1 : 0);
      const bytesOut = acked + outstanding - (finSent.has(state) ? 1 : 0);
      return { bytesIn: Math.max(0, bytesIn), bytesOut: Math.max(0, bytesOut), isEnding: state !== established };
    }
    return undefined;
  }

  /** Milliseconds since anything was sent or received. */
  idleMs(descriptor: number): number {
    if (!this.#readInfo(descriptor)) return 0;
    return Math.min(words[info.lastSent / 4] as number, words[info.lastReceived / 4] as number);
  }

  /** The user at the other end of a Unix socket; −1: unknown. */
  peerUser(descriptor: number): number {
    return this.#ask(descriptor, peerCredentials) ? value.readInt32LE(4) : -1;
  }

  /** A duplicate that no child process inherits; −1: there are no descriptors left. */
  duplicate(descriptor: number): number {
    return this.#libc.dupCloexec(descriptor);
  }

  close(descriptor: number): void {
    this.#libc.close(descriptor);
  }

  /** Ends the writing side, for all owners; the client sees it. */
  endWriting(descriptor: number): void {
    this.#libc.shutdown(descriptor, shutWriting);
  }

  /** Ends both directions, for all owners. */
  cut(descriptor: number): void {
    this.#libc.shutdown(descriptor, shutBoth);
  }

  #readInfo(descriptor: number): boolean {
    return this.#ask(descriptor, tcpInfo);
  }

  #ask(descriptor: number, { level, name, into }: SocketOption): boolean {
    length.writeInt32LE(into.length, 0);
    return this.#libc.getsockopt(descriptor, level, name, into, length) === 0 && length.readInt32LE(0) === into.length;
  }

  #queued(descriptor: number, request: number): number {
    return this.#libc.ioctl(descriptor, request, value) === 0 ? value.readInt32LE(0) : 0;
  }
}

function u64(at: number): number {
  return (words[at / 4 + 1] as number) * 2 ** 32 + (words[at / 4] as number);
}
