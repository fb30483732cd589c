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
  return (emitter, replace) => {
    if (!(emitter instanceof EventEmitter)) return;
    const { _events: events } = emitter as unknown as Partial<EmitterInternals>;
    if (events === undefined || !Object.hasOwn(emitter, '_events')) return;
    const compact = new Listeners();
    // Names that are symbols are rare. The table inherits nothing, so `for in` has its own names alone, without a list of them.
    for (const name in events) compactOne(compact, events, name, replace);
    for (const name of Object.getOwnPropertySymbols(events)) compactOne(compact, events, name, replace);
    (emitter as unknown as EmitterInternals)._events = compact;
  };
}

function compactOne(
  compact: EmitterInternals['_events'],
  events: EmitterInternals['_events'],
  name: PropertyKey,
  replace: Replace | undefined,
): void {
  const one = events[name];
  if (one === undefined) return;
  if (Array.isArray(one)) compact[name] = replaceIn(one, name, replace);
  else compact[name] = replace === undefined ? one : replace(one, name);
}

function replaceIn(list: Listener[], name: PropertyKey, replace: Replace | undefined): Listener[] {
  if (replace !== undefined) {
    for (let at = 0; at < list.length; at++) list[at] = replace(list[at] as Listener, name);
  }
  // V8 has made room for 19 in a list to which a third one was added. Node may note in the list itself that it is being iterated.
  return Reflect.ownKeys(list).length === list.length + 1 ? list.slice() : list;
}

/** A listener without the wrapper of `once`, which takes more memory than the listener; for an event that comes once anyway. */
export function unwrapped(listener: Listener): Listener {
  return listener.listener ?? listener;
}
