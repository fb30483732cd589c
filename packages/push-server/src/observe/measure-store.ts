import type { Store } from '@gopush/store';

/** Called for each call of the store that has ended: with its name, as `history.append`, its duration in seconds, and its result. */
export type OnStoreCall = (operation: string, seconds: number, result: 'ok' | 'failed') => void;

const parts = ['history', 'inbox', 'presence', 'sessions', 'registry'] as const;

/** Wraps a store so that its calls are measured. */
export function measureStore(store: Store, onCall: OnStoreCall): Store {
  const measured = Object.fromEntries(parts.map((part) => [part, measurePart(part, store[part], onCall)]));
  return { ...store, ...measured };
}

function measurePart(part: string, calls: object, onCall: OnStoreCall): object {
  return Object.fromEntries(
    Object.entries(calls).map(([name, call]: [string, (...args: unknown[]) => unknown]) => {
      const operation = `${part}.${name}`;
      return [
        name,
        (...args: unknown[]) => {
          const startedAt = performance.now();
          const returned = call.apply(calls, args);
          const end = (result: 'ok' | 'failed'): void =>
            onCall(operation, (performance.now() - startedAt) / 1_000, result);
          if (returned instanceof Promise) {
            returned.then(
              () => end('ok'),
              () => end('failed'),
            );
          }
          return returned;
        },
      ];
    }),
  );
}
