/** Carries messages between push-servers. What is lost while the other side is away, the log of the room has. */
export interface Bus {
  /** Name of this node on the bus. */
  readonly node: string;
  /** Sends to all other nodes. */
  publish(payload: Buffer): void;
  /** Sends to one node; nothing happens where it is gone. */
  send(node: string, payload: Buffer): void;
  /** Shown what other nodes sent. One listener. */
  onMessage(listener: (payload: Buffer) => void): void;
  /** Called when messages may have been lost, as the connection was. One listener. */
  onGap(listener: () => void): void;
}
