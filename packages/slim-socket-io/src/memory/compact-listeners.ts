import { EventEmitter } from 'node:events';
import { createShape } from './shape.ts';

type Listener = ((...args: never[]) => unknown) & { readonly listener?: Listener };

/** What Node keeps listeners in. */
interface Emitter {
  _events?: Record<PropertyKey, Listener | Listener[]>;
}

/** Takes the place of one listener. */
type Replace = (listener: Listener, event: PropertyKey) => Listener;

/**
 * Makes a function that has emitters of one kind take less memory: Node keeps listeners in a hash table for each, here they are in objects
 * of one shape. Where Node should keep them elsewhere nothing happens.
 */
export function createCompactor(): (emitter: unknown, replace?: Replace) => void {
  const Listeners = createShape<NonNullable<Emitter['_events']>>();
  return (emitter, replace = (listener) => listener) => {
    if (!(emitter instanceof EventEmitter)) return;
    const { _events: events } = emitter as unknown as Emitter;
    if (events === undefined || !Object.hasOwn(emitter, '_events')) return;
    const compact = new Listeners();
    for (const name of Reflect.ownKeys(events)) {
      const one = events[name];
      if (one === undefined) continue;
      compact[name] = Array.isArray(one) ? replaceIn(one, (listener) => replace(listener, name)) : replace(one, name);
    }
    (emitter as unknown as Emitter)._events = compact;
  };
}

/** In place: Node notes in a list itself whether it is being gone through. */
function replaceIn(list: Listener[], replace: (listener: Listener) => Listener): Listener[] {
  for (const [at, listener] of list.entries()) list[at] = replace(listener);
  return list;
}

/** For an event that comes once anyway: what `once` wraps around a listener takes more memory than the listener. */
export function unwrapped(listener: Listener): Listener {
  return listener.listener ?? listener;
}
