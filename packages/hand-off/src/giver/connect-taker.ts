import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Channel, type ChannelOwner } from '../channel/channel.ts';
import { helloMs } from '../channel/deadlines.ts';
import type { TakerFiles } from '../channel/folder.ts';
import { type Hello, ownHello, readHello, unfitHello, writeHello } from '../channel/hello.ts';
import { maxCauseBytes } from '../channel/limits.ts';
import { messageTypes as types } from '../channel/message-types.ts';
import { descriptorOf } from '../system/descriptor-of.ts';
import { DescriptorSocket } from '../system/descriptor-socket.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { Libc } from '../system/libc.ts';

/** What connecting to a taker needs. */
export interface Connecting {
  readonly libc: Libc;
  readonly kernel: KernelSocket;
  /** Name of this giver. */
  readonly name: string;
  /** The taker has sent `welcome`. @returns the receiver of its messages from now on */
  onWelcome(hello: Hello, channel: Channel, descriptors: DescriptorSocket): ChannelOwner;
  /**
   * It cannot be used.
   *
   * @param isFinal - whether it never will be, as with another version
   */
  onUnfit(reason: string, isFinal: boolean): void;
}

/** Connects to a taker. */
export function connectTaker({ messages, descriptors: path }: TakerFiles, connecting: Connecting): void {
  const { libc, kernel } = connecting;
  const token = randomBytes(16);
  let descriptors: DescriptorSocket;
  try {
    descriptors = DescriptorSocket.connect(libc, path);
  } catch (error) {
    connecting.onUnfit((error as Error).message, false);
    return;
  }
  if (!isOwn(kernel, descriptors.descriptor) || !descriptors.sendBytes(token)) {
    descriptors.close();
    connecting.onUnfit('it is of another user, or gone', false);
    return;
  }
  greetTaker(messages, descriptors, token.toString('hex'), connecting);
}

function greetTaker(
  path: string,
  descriptors: DescriptorSocket,
  token: string,
  { kernel, name, onWelcome, onUnfit }: Connecting,
): void {
  let owner: ChannelOwner | undefined;
  let isFinal = false;
  const onHello = (type: number, payload: Buffer): boolean => {
    const hello = type === types.welcome ? readHello(payload) : undefined;
    isFinal = type === types.refuse || hello !== undefined;
    const reason =
      type === types.refuse ? `it refused: ${payload.subarray(0, maxCauseBytes)}` : hello && unfitHello(hello);
    if (reason !== undefined) channel.end(reason);
    else if (hello !== undefined) owner = onWelcome(hello, channel, descriptors);
    return reason !== undefined || owner !== undefined;
  };
  const socket = connect(path);
  const channel = new Channel(socket, {
    onMessage: (type, id, payload) =>
      owner === undefined ? onHello(type, payload) : owner.onMessage(type, id, payload),
    onGone(reason) {
      clearTimeout(deadline);
      if (owner !== undefined) {
        owner.onGone(reason);
        return;
      }
      descriptors.close();
      onUnfit(reason, isFinal);
    },
  });
  socket.on('connect', () => {
    if (isOwn(kernel, descriptorOf(socket))) channel.send(types.hello, 0, writeHello(ownHello(name, { token })));
    else channel.end('it is of another user');
  });
  const deadline = setTimeout(() => {
    if (owner === undefined) channel.end('it said no welcome');
  }, helloMs);
  deadline.unref();
}

/** Whether the other end is a process of the same user. */
function isOwn(kernel: KernelSocket, descriptor: number): boolean {
  return kernel.peerUser(descriptor) === process.getuid?.();
}
