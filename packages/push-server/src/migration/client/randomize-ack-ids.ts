import { randomInt } from 'node:crypto';
import { insideOfNamespace } from '@gopush/slim-socket-io';
import type { Namespace, Server } from 'socket.io';

/**
 * Has each namespace number the events that ask for an ack from a random number on. An ack that a client sends to an
 * earlier node of its session must not be taken for one to this node, which would begin at 0 as well.
 */
export function randomizeAckIds(io: Server): void {
  const randomize = (namespace: Namespace): void => {
    insideOfNamespace(namespace)._ids = randomInt(2 ** 31);
  };
  randomize(io.of('/'));
  io.on('new_namespace', randomize);
}
