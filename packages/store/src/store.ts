import type { HistoryStore } from './history.ts';
import type { InboxStore } from './inbox.ts';
import type { KeyStore } from './keys.ts';
import type { PresenceStore } from './presence.ts';
import type { RegistryStore } from './registry.ts';
import type { SessionStore } from './sessions.ts';
import type { SummaryStore } from './summaries.ts';

/**
 * State of a store.
 *
 * - `up`: it reads and writes
 * - `full`: it reads, and writes what needs no more space; messages are rejected as `store_full`
 * - `read-only`: it reads
 * - `down`: it does not respond
 */
export type StoreState = 'up' | 'full' | 'read-only' | 'down';

/** Called with each change of the state. */
export type StateListener = (state: StoreState, before: StoreState) => void;

/** Whether a store became writable again. Writes made shortly before the outage, and during it, may be lost. */
export function isBack(state: StoreState, before: StoreState): boolean {
  return (state === 'up' || state === 'full') && (before === 'down' || before === 'read-only');
}

/**
 * The data that all nodes share. A call that fails rejects with a `StoreError` within about 2 s, and never hangs. Whether a write that was
 * rejected as `store_down` was done is not known, unless {@link StoreError.isUndone} says so. A store that was down comes back by itself.
 */
export interface Store {
  readonly kind: 'embedded' | 'redis';
  readonly history: HistoryStore;
  readonly inbox: InboxStore;
  readonly presence: PresenceStore;
  readonly sessions: SessionStore;
  readonly registry: RegistryStore;
  /** The push-servers that have to receive each other's messages. */
  readonly peers: RegistryStore;
  readonly keys: KeyStore;
  readonly summaries: SummaryStore;
  state(): StoreState;
  /** Why it does not respond, and what to change; `undefined`: it does, or the reason is not known. */
  problem(): string | undefined;
  /**
   * Calls back whenever the state changes.
   *
   * @returns stops it
   */
  onState(listener: StateListener): () => void;
  /**
   * Calls back when stored data may be lost although it has not expired: Redis came back empty, or the folder was deleted. Data that is still needed
   * has to be written again.
   *
   * @returns stops it
   */
  onForgotten(listener: () => void): () => void;
  /** Size of the stored data in bytes, as of a moment ago; of Redis, all that its servers use. `undefined`: not known. */
  usedBytes(): number | undefined;
  /** Ends the work in progress and releases everything. */
  close(): Promise<void>;
}
