/** What a client left behind, for whichever node it comes back to. */
export interface SessionStore {
  /**
   * Keeps a session, in place of an earlier one.
   *
   * @param ttlMs - how long, from 1 on, in milliseconds
   * @throws StoreError
   */
  save(key: string, payload: Buffer, ttlMs: number): Promise<void>;
  /**
   * Reads and removes a session: of several that ask at once, one gets it. Where the store can be read but not written, the session is
   * read only, and each gets it.
   */
  take(key: string): Promise<Buffer | undefined>;
  read(key: string): Promise<Buffer | undefined>;
  remove(key: string): Promise<void>;
}
