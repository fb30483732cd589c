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

/** Most descriptors of a message. The kernel takes up to 253 (SCM_MAX_FD). */
export const maxDescriptors = 64;

/** Bytes of a message: a tag of four bytes for each descriptor, or a token. */
const maxBytes = 4 * maxDescriptors;

/** Bytes of the header of a control message (`struct cmsghdr`), before its descriptors. */
const headerBytes = 16;

/** There is room for more descriptors than tags, so that a peer that sends too many is seen, and all are closed. */
const controlBytes = headerBytes + 4 * (maxDescriptors + 8);

/** Memory for one message, laid out once: `struct msghdr` (recvmsg(2)) at 0, its iovec, the control message, then the bytes. In bytes. */
const layout = { iovec: 64, control: 96, data: 96 + controlBytes, size: 96 + controlBytes + maxBytes } as const;

/** Fields of these that are written or read for each message, in words of four bytes. */
const word = {
  controlLength: 40 / 4,
  flags: 48 / 4,
  dataLength: (layout.iovec + 8) / 4,
  /** Of the control message: its length, level and type, and its first descriptor. */
  length: layout.control / 4,
  level: layout.control / 4 + 2,
  type: layout.control / 4 + 3,
  firstDescriptor: (layout.control + headerBytes) / 4,
  firstTag: layout.data / 4,
} as const;

const none: readonly number[] = [];

interface Message {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

/** What came over the socket. */
export interface Received {
  /** The bytes; valid until the next call. */
  readonly bytes: Buffer;
  /** The descriptors; none if the kernel dropped some, as when this process has no room for more. */
  readonly descriptors: readonly number[];
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

  /** @throws Error, also if the connection is not accepted in time: the queue of the listener is full */
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

  /** Sends bytes, at most 256, without a descriptor. */
  sendBytes(bytes: Buffer): boolean {
    this.#out.bytes.set(bytes, layout.data);
    return this.#send(bytes.length, 0) === 'sent';
  }

  /**
   * Sends descriptors, at most 64, each with a tag. The kernel keeps them open until the other side has them, so ours may be closed.
   *
   * @returns `full`: the queue of the socket, or the number of descriptors that this user may have on the way (RLIMIT_NOFILE); none was sent
   */
  send(tags: readonly number[], descriptors: readonly number[]): 'sent' | 'full' | 'gone' {
    const { words } = this.#out;
    const count = descriptors.length;
    for (let index = 0; index < count; index++) {
      words[word.firstTag + index] = tags[index] as number;
      words[word.firstDescriptor + index] = descriptors[index] as number;
    }
    // CMSG_LEN(4 × count), SOL_SOCKET, SCM_RIGHTS
    words[word.length] = headerBytes + 4 * count;
    words[word.level] = solSocket;
    words[word.type] = scmRights;
    return this.#send(4 * count, count);
  }

  #send(length: number, descriptors: number): 'sent' | 'full' | 'gone' {
    const { bytes, words } = this.#out;
    words[word.dataLength] = length;
    // CMSG_SPACE: in multiples of eight.
    words[word.controlLength] = descriptors === 0 ? 0 : headerBytes + ((4 * descriptors + 7) & ~7);
    if (this.#libc.sendmsg(this.#descriptor, bytes, dontWaitNoSignal) >= 0) return 'sent';
    const error = this.#libc.errno();
    const isFull = error === errno.again || error === errno.noBuffers || error === errno.tooManyReferences;
    return isFull ? 'full' : 'gone';
  }

  /** The next message; `undefined`: there is none, or the socket is gone. */
  receive(): Received | undefined {
    const length = this.#receive();
    if (length < 0) return undefined;
    const descriptors = this.#takeDescriptors();
    // The other end has closed it. Or it has sent a message without bytes, which may have descriptors.
    if (length === 0 && descriptors.length === 0) return undefined;
    return { bytes: this.#bytesIn(length), descriptors };
  }

  /**
   * The bytes of the next message, valid until the next call; none: the other end has closed the socket. Descriptors that came with them are closed.
   *
   * @returns `undefined`: nothing has come
   */
  receiveBytes(): Buffer | undefined {
    const length = this.#receive();
    if (length < 0) return undefined;
    for (const descriptor of this.#takeDescriptors()) this.#libc.close(descriptor);
    return this.#bytesIn(length);
  }

  /** @returns how many bytes came; negative: no message */
  #receive(): number {
    const { bytes, words } = this.#in;
    words[word.dataLength] = maxBytes;
    words[word.controlLength] = controlBytes;
    return this.#libc.recvmsg(this.#descriptor, bytes, dontWaitCloexec);
  }

  #bytesIn(length: number): Buffer {
    return this.#in.bytes.subarray(layout.data, layout.data + length);
  }

  /** The descriptors of the message. If the kernel dropped some, none is used. */
  #takeDescriptors(): readonly number[] {
    const { words } = this.#in;
    const hasOne = (words[word.controlLength] as number) >= headerBytes + 4;
    if (!hasOne || words[word.level] !== solSocket || words[word.type] !== scmRights) return none;
    const count = ((words[word.length] as number) - headerBytes) >> 2;
    const descriptors = [...words.subarray(word.firstDescriptor, word.firstDescriptor + count)];
    if (((words[word.flags] as number) & ctrlTruncated) === 0) return descriptors;
    for (const descriptor of descriptors) this.#libc.close(descriptor);
    return none;
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
