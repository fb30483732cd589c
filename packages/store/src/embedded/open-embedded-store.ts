import type { Store } from '../store.ts';
import { createHistory } from './history.ts';
import { createInbox } from './inbox.ts';
import { createKeys } from './keys.ts';
import { createPresence } from './presence.ts';
import { createRegistry } from './registry.ts';
import { createSessions } from './sessions.ts';
import { shareEnvironment } from './shared-environment.ts';
import { startSweeping } from './sweep.ts';

/** How an embedded store behaves. */
export interface EmbeddedOptions {
  /** Between two rounds that remove what has expired, in milliseconds. Default 10,000. */
  readonly sweepMs?: number;
  /** Free space of the disk, in bytes, below which what grows the store is rejected as `store_full`. Default 16 MiB. */
  readonly reserveBytes?: number;
}

/**
 * Opens the store in a folder, which is made where it is missing. All processes of one machine that open the same folder share it. What was
 * answered outlives the death of all of them; of the last moments before a power cut some may be lost, without harm to the rest.
 *
 * @param folder - on a local disk: files of the network cannot be shared so
 * @throws StoreError `store_corrupt`, `store_format`, `store_denied`, `store_full`, `store_down`
 */
export async function openEmbeddedStore(folder: string, options: EmbeddedOptions = {}): Promise<Store> {
  const environment = await shareEnvironment(folder, options.reserveBytes ?? 16 * 1_048_576);
  const history = createHistory(environment);
  const inbox = createInbox(environment);
  const presence = createPresence(environment);
  const sessions = createSessions(environment);
  const registry = createRegistry(environment);
  const stopSweeping = startSweeping(
    environment,
    [history.sweep, inbox.sweep, sessions.sweep, presence.sweeps],
    options.sweepMs ?? 10_000,
  );
  return {
    kind: 'embedded',
    history,
    inbox,
    presence,
    sessions,
    registry,
    keys: createKeys(environment),
    state: () => environment.state.get(),
    onState: environment.state.onChange,
    async close() {
      stopSweeping();
      registry.close();
      await environment.close();
    },
  };
}
