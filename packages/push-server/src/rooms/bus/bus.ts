/** Carries messages between push-servers. What is lost while the other side is away, the log of the room has. */
export interface Bus {
  /** Name of this node on the bus. */
  readonly node: string;
  /** Sends to all other nodes. */
  publish(payload: Buffer): void;
  /** Sends to the nodes that follow a room, and perhaps to some that do not. */
  publishTo(room: string, payload: Buffer): void;
  /**
   * Follows a room, once more where it is followed already: what others send to it comes here.
   *
   * @param onLate - called where that could not be waited for and is so now: something may have been sent before that did not come here
   * @returns resolves when it is so, or can be waited for no longer
   */
  follow(room: string, onLate: () => void): Promise<void>;
  unfollow(room: string): void;
  /** Sends to one node; nothing happens where it is gone. */
  send(node: string, payload: Buffer): void;
  /**
   * Sends something that comes back: from Redis, or from each other node.
   *
   * @param heard - told for each that has answered how long it took, in milliseconds
   */
  ping(heard: (ms: number) => void): void;
  /** Shown what other nodes sent. One listener. */
  onMessage(listener: (payload: Buffer) => void): void;
  /** Called when messages may have been lost, as the connection was. One listener. */
  onGap(listener: () => void): void;
}
