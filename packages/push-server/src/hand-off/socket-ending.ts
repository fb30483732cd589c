import type { Socket } from 'node:net';
import type { ReportedCause } from '@gopush/contract';
import type { Ending, TakenConnection } from '@gopush/hand-off';

/** Where a socket keeps whether its client has ended first. */
const clientEnded: unique symbol = Symbol('client ended');
type Noted = Socket & { [clientEnded]?: true };

/** Reports to its agent which side has ended a connection, as a tunnel tells it by its two connections. Of its messages nobody knows here. */
export function reportWhoEnded(connection: TakenConnection): void {
  const { socket } = connection;
  connection.ending = new SocketEnding(socket);
  // Before the listeners of the server, which end its side then.
  socket.once('end', noteEnd);
}

function noteEnd(this: Noted): void {
  if (!this.writableEnded) this[clientEnded] = true;
}

/** The end of a connection, read when it has come. */
class SocketEnding implements Ending {
  readonly #socket: Noted;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get cause(): ReportedCause {
    if (hasFailed(this.#socket)) return 'client reset';
    return this.#socket[clientEnded] === true ? 'client closed' : 'target closed';
  }
}

/** Whether a connection has failed in the kernel, as when its client resets it or vanishes. */
export function hasFailed({ errored }: Socket): boolean {
  return errored !== null && (errored as NodeJS.ErrnoException).syscall !== undefined;
}
