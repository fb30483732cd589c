import type { Logger } from '@gopush/service';
import type { Store } from '@gopush/store';

/**
 * Logs when a store does not respond, also at the start, and when it is back.
 *
 * @returns stops it
 */
export function logStore(store: Store, log: Logger): () => void {
  const warn = (): void =>
    log.warn(
      { problem: store.problem() },
      'the store does not respond: until it is back, agents do not notice push-servers that start or stop',
    );
  if (store.state() === 'down') warn();
  return store.onState((state, before) => {
    if (state === 'down') warn();
    else if (before === 'down') log.info('the store is back');
  });
}
