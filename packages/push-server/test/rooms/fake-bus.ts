import type { Bus } from '../../src/rooms/bus/bus.ts';

/** A bus that notes what it would send. */
export class FakeBus implements Bus {
  readonly node = 'this node';
  readonly sent: { to: string; payload: Buffer }[] = [];
  readonly followed: string[] = [];
  /** Hands over a message of another node. */
  receive: (payload: Buffer) => void = () => {};
  /** Tells of a gap. */
  gap: () => void = () => {};

  async publish(payload: Buffer): Promise<void> {
    this.sent.push({ to: 'all', payload });
  }

  async publishTo(room: string, payload: Buffer): Promise<void> {
    this.sent.push({ to: `followers of ${room}`, payload });
  }

  async follow(room: string): Promise<void> {
    this.followed.push(room);
  }

  unfollow(room: string): void {
    this.followed.splice(this.followed.indexOf(room), 1);
  }

  async send(node: string, payload: Buffer): Promise<void> {
    this.sent.push({ to: node, payload });
  }

  ping(): void {}

  onMessage(listener: (payload: Buffer) => void): void {
    this.receive = listener;
  }

  onGap(listener: () => void): void {
    this.gap = listener;
  }
}
