/** Values that all nodes have to agree on, as a random key of a cluster. */
export interface KeyStore {
  /**
   * Agrees on a value: the one that is kept under this name, or the proposal, which is kept from now on, where there is none.
   *
   * @throws StoreError
   */
  agree(name: string, proposal: Buffer): Promise<Buffer>;
}
