import { Socket } from 'socket.io';
import { insideOfSocket } from './inside-of.ts';
import type { AckCallback, SocketInternals } from './private-names.ts';

/**
 * Where a callback keeps how to tell that its ack will not come; absent if the callback takes no error. Global, because two copies of this
 * package replace the same methods.
 */
const fail = Symbol.for('gopush: fail a pending ack');

/** Marks a callback that a stop does not wait for. */
const emittedAgainMark = Symbol.for('gopush: emitted again');

type Callback = AckCallback & { [fail]?: (error: Error) => void; [emittedAgainMark]?: true };

/** Marks a callback that a stop does not wait for, because its event is emitted again on the next server. */
export function emittedAgain<T extends AckCallback>(callback: T): T {
  return Object.assign(callback, { [emittedAgainMark]: true });
}

/** How many acks of a client a server waits for. */
export function pendingAcksOf(socket: Socket): number {
  let count = 0;
  for (const callback of insideOfSocket(socket).acks.values()) {
    if (!(callback as Callback)[emittedAgainMark]) count++;
  }
  return count;
}

/**
 * Gives up waiting for the acks of a client: callbacks with a timeout get an error, and promises are rejected. Callbacks without a timeout take
 * no error and are never called, as in Socket.IO.
 */
export function failPendingAcks(socket: Socket, reason: string): void {
  const { acks } = insideOfSocket(socket);
  if (acks.size === 0) return;
  const callbacks: Callback[] = [...acks.values()];
  acks.clear();
  // An error that a callback throws is the program's, as after a timeout.
  for (const callback of callbacks) process.nextTick(() => callback[fail]?.(new Error(reason)));
}

/** What the replaced methods use of a socket. */
interface EmittingSocket extends SocketInternals {
  emit(event: string, ...args: unknown[]): boolean;
}

const { emitWithAck } = Socket.prototype;

/**
 * Replaces two methods of Socket.IO, which has no way to fail callbacks that wait for an ack. Nothing else about them changes, so other servers
 * of the process are not affected.
 */
Object.assign(Socket.prototype, {
  registerAckCallback(this: EmittingSocket, id: number, callback: Callback): void {
    const { timeout } = this.flags;
    if (timeout === undefined) {
      this.acks.set(id, callback);
      return;
    }
    const failWith = (error: Error): void => {
      clearTimeout(timer);
      callback.call(this, error);
    };
    const timer = setTimeout(() => {
      this.acks.delete(id);
      failWith(new Error('operation has timed out'));
    }, timeout);
    const acknowledged: Callback = (...response) => {
      clearTimeout(timer);
      callback.apply(this, [null, ...response]);
    };
    acknowledged[fail] = failWith;
    if (callback[emittedAgainMark]) acknowledged[emittedAgainMark] = true;
    this.acks.set(id, acknowledged);
  },
  emitWithAck(this: EmittingSocket, event: string, ...args: unknown[]): Promise<unknown> {
    if (this.flags.timeout !== undefined) return emitWithAck.call(this as unknown as Socket, event, ...args);
    return new Promise((resolve, reject) => {
      const acknowledged: Callback = (response) => resolve(response);
      acknowledged[fail] = reject;
      this.emit(event, ...args, acknowledged);
    });
  },
});
