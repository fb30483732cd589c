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
  /** Between two rounds that remove what has expired, in milliseconds. @defaultValue 10,000 */
  readonly sweepMs?: number;
  /**
   * Free space, in bytes, of the disk and in the file, below which messages are rejected as `store_full`. Sessions may use three quarters of it.
   *
   * @defaultValue 16 MiB
   */
  readonly reserveBytes?: number;
  /**
   * Bytes of all that is kept. Above nine tenths of it the oldest messages of rooms go; above it messages are rejected as `store_full`, and above
   * five quarters of it sessions as well. The file may be larger, as it does not shrink.
   *
   * @defaultValue 1 GiB
   */
  readonly maxBytes?: number;
  /** How long the last connection of a user is remembered, in milliseconds; 0: not at all. @defaultValue 7 days */
  readonly lastSeenMs?: number;
}

/**
 * Opens the store in a folder, which is made where it is missing. All processes of one machine that open the same folder share it. What was
 * answered outlives the death of all of them; of the last moments before a power cut some may be lost, without harm to the rest.
 *
 * @param folder - on a local disk: files of the network cannot be shared so
 * @throws StoreError `store_corrupt`, `store_format`, `store_denied`, `store_full`, `store_down`
 */
export async function openEmbeddedStore(folder: string, options: EmbeddedOptions = {}): Promise<Store> {
  const { reserveBytes = 16 * 1_048_576, maxBytes = 1_073_741_824, lastSeenMs = 7 * 86_400_000 } = options;
  const environment = await shareEnvironment(folder, { reserveBytes, maxBytes });
  const history = createHistory(environment);
  const inbox = createInbox(environment);
  const presence = createPresence(environment, lastSeenMs);
  const sessions = createSessions(environment);
  const registry = createRegistry(environment);
  const peers = createRegistry(environment, 'peer');
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
    peers,
    keys: createKeys(environment),
    state: () => environment.state.get(),
    problem: () => undefined,
    onState: environment.state.onChange,
    onForgotten: environment.forgotten.on,
    usedBytes: environment.space.usedBytes,
    async close() {
      stopSweeping();
      registry.close();
      peers.close();
      await environment.close();
    },
  };
}
