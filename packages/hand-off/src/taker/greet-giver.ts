import type { Socket } from 'node:net';
import { Channel, type ChannelOwner } from '../channel/channel.ts';
import { helloMs } from '../channel/deadlines.ts';
import { type Hello, ownHello, readHello, unfitHello, writeHello } from '../channel/hello.ts';
import { messageTypes as types } from '../channel/message-types.ts';
import { textOf } from '../channel/messages.ts';
import type { DescriptorSocket } from '../system/descriptor-socket.ts';
import type { WaitingSockets } from './waiting-sockets.ts';

/** What happens with a giver that connects. */
export interface Greeting {
  /** Name of this taker. */
  readonly name: string;
  readonly slots: number;
  readonly address: string | undefined;
  mayBeKilled(): boolean;
  readonly waiting: WaitingSockets;
  /** It can be served. @returns who takes its messages from now on */
  onHello(hello: Hello, channel: Channel, descriptors: DescriptorSocket): ChannelOwner;
}

/** Waits for the hello of a giver that has connected, and responds to it. */
export function greetGiver(socket: Socket, greeting: Greeting): void {
  let owner: ChannelOwner | undefined;
  const greet = (payload: Buffer): boolean => {
    const hello = readHello(payload);
    if (hello?.token === undefined) return false;
    const descriptors = greeting.waiting.take(hello.token);
    const reason = unfitHello(hello);
    if (reason !== undefined) {
      descriptors?.close();
      channel.send(types.refuse, 0, textOf(reason));
      channel.end('refused');
      return true;
    }
    if (descriptors === undefined) {
      // It is not refused, which is for good: the next time this process may have descriptors again.
      channel.end('its socket for descriptors is missing');
      return true;
    }
    const { name, slots, address } = greeting;
    const mayBeKilled = greeting.mayBeKilled();
    channel.send(types.welcome, 0, writeHello(ownHello(name, { slots, address, mayBeKilled })));
    owner = greeting.onHello(hello, channel, descriptors);
    return true;
  };
  const channel = new Channel(socket, {
    onMessage(type, id, payload) {
      if (owner !== undefined) return owner.onMessage(type, id, payload);
      return type === types.hello && greet(payload);
    },
    onGone(reason) {
      clearTimeout(deadline);
      owner?.onGone(reason);
    },
  });
  const deadline = setTimeout(() => {
    if (owner === undefined) channel.end('it said no hello');
  }, helloMs);
  deadline.unref();
}
