import { EventEmitter } from 'node:events';
import type { EmitterInternals, Listener } from '../internals/private-names.ts';
import { createShape } from './shape.ts';

/** Replaces one listener. */
type Replace = (listener: Listener, event: PropertyKey) => Listener;

/**
 * Makes a function that lets emitters of one kind take less memory: Node keeps the listeners of each in a hash table, here they are in objects
 * of one shape. If Node should keep them elsewhere, nothing happens.
 */
export function createCompactor(): (emitter: unknown, replace?: Replace) => void {
  const Listeners = createShape<EmitterInternals['_events']>();
  return (emitter, replace = (listener) => listener) => {
    if (!(emitter instanceof EventEmitter)) return;
    const { _events: events } = emitter as unknown as Partial<EmitterInternals>;
    if (events === undefined || !Object.hasOwn(emitter, '_events')) return;
    const compact = new Listeners();
    for (const name of Reflect.ownKeys(events)) {
      const one = events[name];
      if (one === undefined) continue;
      compact[name] = Array.isArray(one) ? replaceIn(one, (listener) => replace(listener, name)) : replace(one, name);
    }
    (emitter as unknown as EmitterInternals)._events = compact;
  };
}

function replaceIn(list: Listener[], replace: (listener: Listener) => Listener): Listener[] {
  for (const [at, listener] of list.entries()) list[at] = replace(listener);
  // V8 has made room for 19 in a list to which a third one was added. Node may note in the list itself that it is being iterated.
  return Reflect.ownKeys(list).length === list.length + 1 ? list.slice() : list;
}

/** A listener without the wrapper of `once`, which takes more memory than the listener; for an event that comes once anyway. */
export function unwrapped(listener: Listener): Listener {
  return listener.listener ?? listener;
}
