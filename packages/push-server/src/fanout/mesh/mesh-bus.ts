import type { Bus } from '../../rooms/bus/bus.ts';
import { Pings } from '../bus/pings.ts';
import { bucketOf } from '../bus/room-buckets.ts';
import type { Mesh } from './mesh.ts';

/** The first byte of a message of rooms. The messages of Socket.IO's adapter are encoded values, which begin with 0x10. */
const busByte = 0x01;
const busPrefix = Buffer.from([busByte]);

/** The first byte of a ping. The name of the node that wants the response follows. */
const pingByte = 0x02;
const pingPrefix = Buffer.from([pingByte]);
const pongByte = 0x03;
const pongPrefix = Buffer.from([pongByte]);

/** How many bytes the name of a node has. */
const idBytes = 12;

/** Writes leave before whoever waits for this goes on. Only a peer that is behind by more than the kernel queues may miss them if this process dies. */
const written = Promise.resolve();

/** A bus over a mesh. */
export class MeshBus implements Bus {
  readonly #mesh: Mesh;
  readonly #pings = new Pings();
  #onMessage: (payload: Buffer) => void = () => {};
  #onGap: () => void = () => {};

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  get node(): string {
    return this.#mesh.id;
  }

  publish(payload: Buffer): Promise<void> {
    this.#mesh.countLoss();
    this.#mesh.publish(Buffer.concat([busPrefix, payload]));
    return written;
  }

  publishTo(room: string, payload: Buffer): Promise<void> {
    this.#mesh.publishTo(bucketOf(room), Buffer.concat([busPrefix, payload]));
    return written;
  }

  follow(room: string, onLate: () => void): Promise<void> {
    return this.#mesh.follow(bucketOf(room), onLate);
  }

  unfollow(room: string): void {
    this.#mesh.unfollow(bucketOf(room));
  }

  send(node: string, payload: Buffer): Promise<void> {
    this.#mesh.send(node, Buffer.concat([busPrefix, payload]));
    return written;
  }

  ping(heard: (ms: number) => void): void {
    this.#mesh.publish(Buffer.concat([pingPrefix, Buffer.from(this.node, 'latin1'), this.#pings.next(heard)]));
  }

  onMessage(listener: (payload: Buffer) => void): void {
    this.#onMessage = listener;
  }

  onGap(listener: () => void): void {
    this.#onGap = listener;
  }

  /** Takes a message of another node. @returns whether it is one of the bus */
  receive(payload: Buffer): boolean {
    switch (payload[0]) {
      case busByte:
        this.#onMessage(payload.subarray(1));
        return true;
      case pingByte: {
        const asking = payload.toString('latin1', 1, 1 + idBytes);
        this.#mesh.send(asking, Buffer.concat([pongPrefix, payload.subarray(1 + idBytes)]));
        return true;
      }
      case pongByte:
        this.#pings.receive(payload.subarray(1));
        return true;
      default:
        return false;
    }
  }

  /** Messages of another node may have been lost. */
  gap(): void {
    this.#onGap();
  }
}
