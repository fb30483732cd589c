/** Values that all nodes agree on, such as a random key of a cluster. */
export interface KeyStore {
  /**
   * Returns the value stored under this name; stores and returns the proposal if there is none.
   *
   * @throws StoreError
   */
  agree(name: string, proposal: Buffer): Promise<Buffer>;
}
