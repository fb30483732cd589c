import { writeAddress } from './address.ts';
import { errno } from './errno.ts';
import type { Libc } from './libc.ts';

const afUnix = 1;
const solSocket = 1;
const scmRights = 1;
const seqpacketCloexecNonblock = 5 | 0o2000000 | 0o4000;
const cloexecNonblock = 0o2000000 | 0o4000;
const dontWaitNoSignal = 0x40 | 0x4000;
const dontWaitCloexec = 0x40 | 0x40000000;
const ctrlTruncated = 0x08;
const backlog = 64;

/** Bytes of a message: room for a token. */
const maxBytes = 32;

/**
 * Memory for one message, laid out once: struct msghdr (recvmsg(2)) at 0, its iovec at 64, the control message at 96, the bytes at 160. There is room for
 * eight descriptors, so that a peer that sends more than one is seen, and all are closed.
 */
const layout = { iovec: 64, control: 96, controlBytes: 48, data: 160, size: 192 } as const;

interface Message {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

/** What came over the socket. */
export interface Received {
  /** The bytes; valid until the next call. */
  readonly bytes: Buffer;
  /** The descriptor; −1 where none came, or too many, or the kernel dropped some. */
  readonly descriptor: number;
}

const messages = new WeakMap<Libc, { readonly out: Message; readonly in: Message }>();

/** Both are used within one call only, so one of each is enough for the process. */
function messagesOf(libc: Libc): { readonly out: Message; readonly in: Message } {
  let pair = messages.get(libc);
  if (pair === undefined) {
    pair = { out: layOut(libc), in: layOut(libc) };
    messages.set(libc, pair);
  }
  return pair;
}

function layOut(libc: Libc): Message {
  // Not from Node's pool: its address has to stay.
  const bytes = Buffer.from(new ArrayBuffer(layout.size));
  const at = libc.addressOf(bytes);
  bytes.writeBigUInt64LE(at + BigInt(layout.iovec), 16);
  bytes.writeBigUInt64LE(1n, 24);
  bytes.writeBigUInt64LE(at + BigInt(layout.control), 32);
  bytes.writeBigUInt64LE(at + BigInt(layout.data), layout.iovec);
  return { bytes, words: new Int32Array(bytes.buffer) };
}

/** A Unix socket of packets (SOCK_SEQPACKET, unix(7)) that carries descriptors. Node knows only streams, and cannot pass descriptors. */
export class DescriptorSocket {
  readonly #libc: Libc;
  readonly #out: Message;
  readonly #in: Message;
  #descriptor: number;

  private constructor(libc: Libc, descriptor: number) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    const { out, in: incoming } = messagesOf(libc);
    this.#out = out;
    this.#in = incoming;
  }

  /** @throws Error */
  static listen(libc: Libc, path: string): DescriptorSocket {
    const socket = DescriptorSocket.#open(libc);
    const address = writeAddress(path);
    if (libc.bind(socket.#descriptor, address, address.length) === 0 && libc.listen(socket.#descriptor, backlog) === 0)
      return socket;
    return socket.#fail(`listening on ${path}`);
  }

  /** @throws Error, also where nobody accepts in time: the queue of the listener is full */
  static connect(libc: Libc, path: string): DescriptorSocket {
    const socket = DescriptorSocket.#open(libc);
    const address = writeAddress(path);
    if (libc.connect(socket.#descriptor, address, address.length) === 0) return socket;
    return socket.#fail(`connecting to ${path}`);
  }

  static #open(libc: Libc): DescriptorSocket {
    const descriptor = libc.socket(afUnix, seqpacketCloexecNonblock, 0);
    if (descriptor < 0) throw new Error(`a Unix socket cannot be opened: error ${libc.errno()}`);
    return new DescriptorSocket(libc, descriptor);
  }

  get descriptor(): number {
    return this.#descriptor;
  }

  /** The next connection of a listening socket; `undefined`: there is none. */
  accept(): DescriptorSocket | undefined {
    const descriptor = this.#libc.accept4(this.#descriptor, null, null, cloexecNonblock);
    return descriptor < 0 ? undefined : new DescriptorSocket(this.#libc, descriptor);
  }

  /** Sends bytes, at most 32, without a descriptor. */
  sendBytes(bytes: Buffer): boolean {
    this.#out.bytes.set(bytes, layout.data);
    return this.#send(bytes.length, false) === 'sent';
  }

  /**
   * Sends a descriptor. The kernel keeps it open until the other side has it, so ours may be closed.
   *
   * @returns `full`: the queue of the socket, or the number of descriptors that this user may have on the way (RLIMIT_NOFILE)
   */
  send(tag: number, descriptor: number): 'sent' | 'full' | 'gone' {
    const { words } = this.#out;
    words[layout.data / 4] = tag;
    // CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS
    words[layout.control / 4] = 20;
    words[layout.control / 4 + 2] = solSocket;
    words[layout.control / 4 + 3] = scmRights;
    words[layout.control / 4 + 4] = descriptor;
    return this.#send(4, true);
  }

  #send(length: number, withDescriptor: boolean): 'sent' | 'full' | 'gone' {
    const { bytes, words } = this.#out;
    words[(layout.iovec + 8) / 4] = length;
    words[40 / 4] = withDescriptor ? 24 : 0;
    if (this.#libc.sendmsg(this.#descriptor, bytes, dontWaitNoSignal) >= 0) return 'sent';
    const error = this.#libc.errno();
    const isFull = error === errno.again || error === errno.noBuffers || error === errno.tooManyReferences;
    return isFull ? 'full' : 'gone';
  }

  /** The next message; `undefined`: there is none, or the socket is gone. */
  receive(): Received | undefined {
    const { bytes, words } = this.#in;
    words[(layout.iovec + 8) / 4] = maxBytes;
    words[40 / 4] = layout.controlBytes;
    const length = this.#libc.recvmsg(this.#descriptor, bytes, dontWaitCloexec);
    if (length <= 0) return undefined;
    return { bytes: bytes.subarray(layout.data, layout.data + length), descriptor: this.#takeDescriptor() };
  }

  /** The one descriptor of the message. Of several, or where the kernel dropped some, none is used. */
  #takeDescriptor(): number {
    const { words } = this.#in;
    const at = layout.control / 4;
    if ((words[40 / 4] as number) < 20 || words[at + 2] !== solSocket || words[at + 3] !== scmRights) return -1;
    const count = ((words[at] as number) - 16) >> 2;
    const isWhole = ((words[48 / 4] as number) & ctrlTruncated) === 0;
    if (count === 1 && isWhole) return words[at + 4] as number;
    for (let index = 0; index < count; index++) this.#libc.close(words[at + 4 + index] as number);
    return -1;
  }

  close(): void {
    if (this.#descriptor < 0) return;
    this.#libc.close(this.#descriptor);
    this.#descriptor = -1;
  }

  #fail(what: string): never {
    const error = this.#libc.errno();
    this.close();
    throw Object.assign(new Error(`${what} failed: error ${error}`), { errno: error });
  }
}
