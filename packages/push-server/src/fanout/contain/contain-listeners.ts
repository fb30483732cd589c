import type { EventEmitter } from 'node:events';
import type { Logger } from '@gopush/service';
import { contain } from './contain.ts';

/** Events with which a client of Redis passes on published messages. */
const messageEvents: ReadonlySet<unknown> = new Set(['messageBuffer', 'pmessageBuffer', 'smessageBuffer', 'message']);

type Listener = (...args: unknown[]) => unknown;

/**
 * Makes the listeners of a Redis client log errors that they throw at published messages. Adapters decode these
 * without a `try`: a message of another program, or another version, in their channels would end the process.
 *
 * @param isTaken - whether a message, by its channel and bytes, is not for these listeners
 */
export function containListeners(
  client: EventEmitter,
  log: Logger,
  isTaken?: (channel: Buffer, message: Buffer) => boolean,
): void {
  const contained = new WeakMap<Listener, Listener>();
  const on = client.on.bind(client);
  const off = client.off.bind(client);
  const add = (event: string | symbol, listener: Listener): EventEmitter => {
    if (!messageEvents.has(event)) return on(event, listener);
    const inner: Listener = contained.get(listener) ?? contain(isTaken ? skipTaken(listener, isTaken) : listener, log);
    contained.set(listener, inner);
    return on(event, inner);
  };
  const remove = (event: string | symbol, listener: Listener): EventEmitter =>
    off(event, messageEvents.has(event) ? (contained.get(listener) ?? listener) : listener);
  Object.assign(client, { on: add, addListener: add, off: remove, removeListener: remove });
}

/** A listener without the messages that are taken. The last two arguments are channel and bytes. */
function skipTaken(listener: Listener, isTaken: (channel: Buffer, message: Buffer) => boolean): Listener {
  return (...args) => (isTaken(args.at(-2) as Buffer, args.at(-1) as Buffer) ? undefined : listener(...args));
}
