import type { Store } from '@gopush/store';

/** Told of each call of a store that has ended: its name, as `history.append`, how long it took in seconds, and how it ended. */
export type OnStoreCall = (operation: string, seconds: number, result: 'ok' | 'failed') => void;

const parts = ['history', 'inbox', 'presence', 'sessions', 'registry'] as const;

/** A store whose calls are measured; the one place where that is done. */
export function measureStore(store: Store, onCall: OnStoreCall): Store {
  const measured = Object.fromEntries(parts.map((part) => [part, measurePart(part, store[part], onCall)]));
  return { ...store, ...measured };
}

function measurePart(part: string, calls: object, onCall: OnStoreCall): object {
  return Object.fromEntries(
    Object.entries(calls).map(([name, call]: [string, (...args: unknown[]) => unknown]) => [
      name,
      (...args: unknown[]) => {
        const startedAt = performance.now();
        const answer = call.apply(calls, args);
        if (answer instanceof Promise) {
          const end = (result: 'ok' | 'failed') => (): void =>
            onCall(`${part}.${name}`, (performance.now() - startedAt) / 1_000, result);
          answer.then(end('ok'), end('failed'));
        }
        return answer;
      },
    ]),
  );
}
