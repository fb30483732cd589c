import { EventEmitter } from 'node:events';

/** What Node keeps listeners in, and what is done here: the same names, in an object that shares its layout with all others. */
interface Emitter {
  _events?: Record<PropertyKey, unknown>;
}

/** Makes objects without inherited names, as Node's own, which however is a hash table for each emitter: five of them a client. */
const Listeners = function Listeners() {} as unknown as new () => Record<PropertyKey, unknown>;
Listeners.prototype = Object.create(null);

/** Has emitters take less memory. Where Node should keep listeners elsewhere nothing happens. */
export function compactListeners(...emitters: readonly unknown[]): void {
  for (const emitter of emitters) {
    if (!(emitter instanceof EventEmitter)) continue;
    const { _events: events } = emitter as Emitter;
    if (events === undefined || !Object.hasOwn(emitter, '_events')) continue;
    const compact = new Listeners();
    for (const name of Reflect.ownKeys(events)) compact[name] = events[name];
    (emitter as Emitter)._events = compact;
  }
}
