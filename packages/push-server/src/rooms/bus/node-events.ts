/** What happens on this node because of what any node did. Users are named by their uids after the scope of their product. */
export interface NodeEvents {
  /** Something that another node did may not have come here. */
  onGap(): void;
  /** Something new waits in the inbox of a user. */
  onInbox(uid: string): void;
  /** All devices of a user are put into a room, or taken out of it. */
  onMove(uid: string, room: string, change: 'join' | 'leave'): void;
  /** All connections of a user end. Socket.IO disconnects its clients without this. */
  onEnd(uid: string): void;
  /** A client came back to another node, which looks for its session. */
  onBack(pid: string): void;
  /** A session that this node gave is taken by another one. */
  onTaken(socket: string): void;
}

/** Ignores all events. */
export const noEvents: NodeEvents = { onGap() {}, onInbox() {}, onMove() {}, onEnd() {}, onBack() {}, onTaken() {} };
