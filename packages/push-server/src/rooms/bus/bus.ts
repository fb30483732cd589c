/**
 * Carries messages between push-servers. Messages may be lost while the other side is away: those of rooms are in their histories.
 *
 * What sends returns a promise that resolves when the message reaches the others although this process dies: Redis has it, or the kernel. It also
 * resolves when that cannot be waited for, and does not reject.
 */
export interface Bus {
  /** Name of this node on the bus. */
  readonly node: string;
  /** Sends to all other nodes. */
  publish(payload: Buffer): Promise<void>;
  /** Sends to the nodes that follow a room, and perhaps to some that do not. */
  publishTo(room: string, payload: Buffer): Promise<void>;
  /**
   * Follows a room, once more if it is followed already: messages that others send to it come here.
   *
   * @param onLate - called if others could not be waited for and know of it now: messages may have been sent before that did not come here
   * @returns resolves when others know of it, or can be waited for no longer
   */
  follow(room: string, onLate: () => void): Promise<void>;
  unfollow(room: string): void;
  /** Sends to one node; nothing happens if it is gone. */
  send(node: string, payload: Buffer): Promise<void>;
  /**
   * Sends a ping that comes back: from Redis, or from each other node.
   *
   * @param heard - called for each response, with its time in milliseconds
   */
  ping(heard: (ms: number) => void): void;
  /** Sets who gets the messages of other nodes. One listener. */
  onMessage(listener: (payload: Buffer) => void): void;
  /** Sets who is told when messages may have been lost. One listener. */
  onGap(listener: () => void): void;
}
