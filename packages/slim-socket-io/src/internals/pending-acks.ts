import { Socket } from 'socket.io';

/** Has the callback of an event told that its answer will not come; absent where the callback takes no error. */
const fail = Symbol('fail');

/** Marks a callback for whose answer no stop waits. */
const patient = Symbol('patient');

// biome-ignore lint/suspicious/noExplicitAny: callbacks take whatever a client answers
type Callback = ((...answer: any[]) => void) & { [fail]?: (error: Error) => void; [patient]?: true };

/** A socket of Socket.IO with what it waits for. Not documented; unchanged since Socket.IO 4.4. */
interface Asking {
  readonly acks: Map<number, Callback>;
  readonly flags: { readonly timeout?: number };
  emit(event: string, ...args: unknown[]): boolean;
}

/** A callback for whose answer no stop waits, since it is asked again elsewhere. */
export function emittedAgain<T extends Callback>(callback: T): T {
  return Object.assign(callback, { [patient]: true });
}

/** How many answers a server waits for from a client. */
export function pendingAcksOf(socket: Socket): number {
  let count = 0;
  for (const callback of (socket as unknown as Asking).acks.values()) if (!callback[patient]) count++;
  return count;
}

/**
 * The answers of a client will not come: its callbacks with a timeout get an error, and promises are rejected. Callbacks without a timeout take no
 * error, and are never called, as in Socket.IO.
 */
export function failPendingAcks(socket: Socket, reason: string): void {
  const { acks } = socket as unknown as Asking;
  if (acks.size === 0) return;
  const callbacks = [...acks.values()];
  acks.clear();
  // What a callback throws is the program's, as with a timeout.
  for (const callback of callbacks) process.nextTick(() => callback[fail]?.(new Error(reason)));
}

const { emitWithAck } = Socket.prototype;

/**
 * Takes the place of two methods of Socket.IO, which keeps no way to fail what waits for an answer. Nothing else of them changes, so it does no
 * harm to other servers of the process.
 */
Object.assign(Socket.prototype, {
  registerAckCallback(this: Asking, id: number, callback: Callback): void {
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
    const answered: Callback = (...answer) => {
      clearTimeout(timer);
      callback.apply(this, [null, ...answer]);
    };
    answered[fail] = failWith;
    if (callback[patient]) answered[patient] = true;
    this.acks.set(id, answered);
  },
  emitWithAck(this: Asking, event: string, ...args: unknown[]): Promise<unknown> {
    if (this.flags.timeout !== undefined) return emitWithAck.call(this as unknown as Socket, event, ...args);
    return new Promise((resolve, reject) => {
      const answered: Callback = (answer) => resolve(answer);
      answered[fail] = reject;
      this.emit(event, ...args, answered);
    });
  },
});
