import type { Socket } from 'node:net';
import type { ReportedCause } from '@gopush/contract';
import type { Ending, TakenConnection } from '@gopush/hand-off';
import { takenConnectionOf } from './joined-connection.ts';

/** Reports to its agent which side has ended a connection, as a tunnel tells it by its two connections. Of its messages nobody knows here. */
export function reportWhoEnded(connection: TakenConnection): void {
  const { socket } = connection;
  connection.ending = new SocketEnding(socket);
  // Before the listeners of the server, which end its side then.
  socket.once('end', noteEnd);
}

/** The same function for all connections. */
function noteEnd(this: Socket): void {
  const ending = takenConnectionOf(this)?.ending;
  if (ending instanceof SocketEnding && !this.writableEnded) ending.isOfClient = true;
}

/** The end of a connection, read when it has come. */
class SocketEnding implements Ending {
  readonly #socket: Socket;
  /** Whether the client has ended its side first. */
  isOfClient = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get cause(): ReportedCause {
    if (hasFailed(this.#socket)) return 'client reset';
    return this.isOfClient ? 'client closed' : 'target closed';
  }
}

/** Whether a connection has failed in the kernel, as when its client resets it or vanishes. */
export function hasFailed({ errored }: Socket): boolean {
  return errored !== null && (errored as NodeJS.ErrnoException).syscall !== undefined;
}
