/** For how long clients that have returned are gathered before other nodes are notified of them, in milliseconds. */
const gatherMs = 20;

/** Tells other nodes which clients have returned. If many return at once, as after the loss of an agent, it sends one message. */
export class ReturnedClients {
  readonly #tell: (pids: readonly string[]) => void;
  #gathered: string[] = [];

  /** @param tell - publishes the private ids of the gathered clients to other nodes */
  constructor(tell: (pids: readonly string[]) => void) {
    this.#tell = tell;
  }

  add(pid: string): void {
    if (this.#gathered.push(pid) > 1) return;
    setTimeout(() => {
      const pids = this.#gathered;
      this.#gathered = [];
      this.#tell(pids);
    }, gatherMs).unref();
  }
}
