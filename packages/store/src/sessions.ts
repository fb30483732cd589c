/** An entry of a {@link SessionStore}. */
export interface SessionEntry {
  readonly key: string;
  readonly payload: Buffer;
}

/** Stored sessions, for the node that a client comes back to. */
export interface SessionStore {
  /**
   * Stores a session, and replaces an earlier one of the same key.
   *
   * @param ttlMs - how long to keep it, in milliseconds, at least 1
   * @throws StoreError
   */
  save(key: string, payload: Buffer, ttlMs: number): Promise<void>;
  /**
   * Stores several entries as {@link SessionStore.save} does. A reader may see some of them without the others.
   *
   * @param before - a key that is removed, once all of them are stored
   * @throws StoreError if not all of them are stored
   */
  saveAll(entries: readonly SessionEntry[], ttlMs: number, before?: string): Promise<void>;
  /**
   * Stores a session, unless another process has stored something under its key: it is stored if the key holds nothing, or `held`.
   *
   * @param ttlMs - how long to keep it, in milliseconds, at least 1
   * @returns whether it was stored
   * @throws StoreError
   */
  saveOver(key: string, payload: Buffer, ttlMs: number, held: Buffer): Promise<boolean>;
  /**
   * Reads and removes a session: if several ask at once, one gets it. If the store can be read but not written, the session is only read, and each
   * of them gets it.
   */
  take(key: string): Promise<Buffer | undefined>;
  read(key: string): Promise<Buffer | undefined>;
  remove(key: string): Promise<void>;
}
