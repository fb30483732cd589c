import type { Store } from '../store.ts';
import { createHistory } from './history.ts';
import { createInbox } from './inbox.ts';
import { createKeys } from './keys.ts';
import { createPresence } from './presence.ts';
import { createRegistry } from './registry.ts';
import { createSessions } from './sessions.ts';
import { shareEnvironment } from './shared-environment.ts';
import { createSummaries } from './summaries.ts';
import { startSweeping } from './sweep.ts';

/** Options of an embedded store. */
export interface EmbeddedOptions {
  /** Time between two rounds that remove expired entries, in milliseconds. @defaultValue 10,000 */
  readonly sweepMs?: number;
  /**
   * Free space to keep, in bytes, counting the disk and free pages of the file. Below it, messages are rejected as `store_full`. Sessions may use
   * three quarters of it.
   *
   * @defaultValue 16 MiB
   */
  readonly reserveBytes?: number;
  /**
   * Largest size of the stored data, in bytes. Above nine tenths of it, the oldest messages of rooms are removed; above it, messages are rejected as
   * `store_full`; above five quarters of it, sessions as well. The file may be larger, as it does not shrink.
   *
   * @defaultValue 1 GiB
   */
  readonly maxBytes?: number;
  /** How long the last connection of a user is remembered, in milliseconds; 0: not at all. @defaultValue 7 days */
  readonly lastSeenMs?: number;
}

/**
 * Opens the store in a folder, and creates the folder if it is missing. All processes of one machine that open the same folder share it. A
 * write that succeeded survives a crash of all of them. A power cut may lose the writes of the last moments, but nothing else.
 *
 * @param folder - on a local disk: LMDB cannot share files of a network file system
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
    summaries: createSummaries(environment),
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
