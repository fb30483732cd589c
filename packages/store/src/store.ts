import type { HistoryStore } from './history.ts';
import type { InboxStore } from './inbox.ts';
import type { KeyStore } from './keys.ts';
import type { PresenceStore } from './presence.ts';
import type { RegistryStore } from './registry.ts';
import type { SessionStore } from './sessions.ts';

/**
 * Whether a store answers.
 *
 * - `up`: it reads and writes
 * - `full`: it reads, and writes what needs no more space; messages are rejected as `store_full`
 * - `read-only`: it reads
 * - `down`: it does not answer
 */
export type StoreState = 'up' | 'full' | 'read-only' | 'down';

/** Told of a change of the state. */
export type StateListener = (state: StoreState, before: StoreState) => void;

/** Whether a store is back that could not be written: of what was written shortly before and meanwhile some may be lost. */
export function isBack(state: StoreState, before: StoreState): boolean {
  return (state === 'up' || state === 'full') && (before === 'down' || before === 'read-only');
}

/**
 * What the nodes of a gopush keep together. A call that cannot be done rejects with a `StoreError` within about 2 s, and never hangs.
 * Whether a write that was rejected as `store_down` was done is not known. A store that was down comes back by itself.
 */
export interface Store {
  readonly kind: 'embedded' | 'redis';
  readonly history: HistoryStore;
  readonly inbox: InboxStore;
  readonly presence: PresenceStore;
  readonly sessions: SessionStore;
  readonly registry: RegistryStore;
  /** The push-servers that should hear each other. */
  readonly peers: RegistryStore;
  readonly keys: KeyStore;
  state(): StoreState;
  /** Why it does not answer, and what to change; `undefined`: it does, or that is not known. */
  problem(): string | undefined;
  /**
   * Calls back whenever the state changes.
   *
   * @returns stops it
   */
  onState(listener: StateListener): () => void;
  /**
   * Calls back when what was kept may be gone, though it has not expired: Redis came back empty, the folder was deleted. What has to be kept is to be
   * written again.
   *
   * @returns stops it
   */
  onForgotten(listener: () => void): () => void;
  /** Bytes of all that is kept, as of a moment ago; `undefined` where that is not known. */
  usedBytes(): number | undefined;
  /** Ends what is under way and lets go of everything. */
  close(): Promise<void>;
}
