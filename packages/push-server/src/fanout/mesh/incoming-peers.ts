import type { Socket } from 'node:net';
import { type BucketAnnouncer, BucketFollows } from '../bus/bucket-follows.ts';
import type { Following } from '../bus/following.ts';
import { BucketSet } from '../bus/room-buckets.ts';
import { Incoming } from './incoming.ts';
import type { DropCause, MeshTimes } from './peer-protocol.ts';

/** What accepting other nodes needs. */
export interface IncomingPeersOptions {
  readonly times: MeshTimes;
  readonly onMessage: (payload: Buffer) => void;
  /** A peer has sent its name. */
  readonly onGreeting: (peer: string) => void;
  /** All messages of a peer arrive from now on. @param lost - whether earlier ones may have been lost */
  readonly onOpen: (lost: boolean) => void;
  readonly onDrop: (peer: string | undefined, cause: DropCause) => void;
}

/** The nodes that have dialled this one. This node sends them the buckets that it follows, and they send it the messages of these buckets. */
export class IncomingPeers implements BucketAnnouncer {
  readonly #options: IncomingPeersOptions;
  /** All connections; by peers those that have greeted. */
  readonly #accepted = new Set<Incoming>();
  readonly #met = new Map<string, Incoming>();
  readonly #followed = new BucketSet();
  readonly #follows: BucketFollows;

  constructor(options: IncomingPeersOptions) {
    this.#options = options;
    this.#follows = new BucketFollows(this, options.times.follow);
  }

  accept(socket: Socket): void {
    const { times, onMessage, onGreeting, onOpen, onDrop } = this.#options;
    const incoming: Incoming = new Incoming(socket, times, {
      followed: () => this.#followed.bytes,
      onGreeting: (peer) => {
        // A peer that dials once more has given up the connection before.
        this.#met.get(peer)?.end();
        this.#met.set(peer, incoming);
        onGreeting(peer);
      },
      onOpen,
      onMessage,
      onDrop: (cause) => onDrop(incoming.peer, cause),
      onClose: ({ peer }) => {
        this.#accepted.delete(incoming);
        if (peer !== undefined && this.#met.get(peer) === incoming) this.#met.delete(peer);
      },
    });
    this.#accepted.add(incoming);
  }

  /** Whether all messages of a peer arrive. */
  isOpen(peer: string): boolean {
    return this.#met.get(peer)?.isOpen === true;
  }

  /** See {@link BucketFollows.follow}. */
  follow(bucket: number, onLate: () => void): Promise<void> {
    return this.#follows.follow(bucket, onLate);
  }

  unfollow(bucket: number): void {
    if (!this.#follows.unfollow(bucket)) return;
    this.#followed.delete(bucket);
    for (const incoming of this.#met.values()) incoming.unfollow(bucket);
  }

  begin(bucket: number): boolean {
    this.#followed.add(bucket);
    return this.#met.size > 0;
  }

  announce(bucket: number, following: Following): void {
    const now = performance.now();
    for (const incoming of this.#met.values()) incoming.follow(bucket, following.add(!incoming.isOverdue(now)));
  }

  beat(): void {
    for (const incoming of this.#accepted) incoming.beat();
  }

  end(): void {
    for (const incoming of this.#accepted) incoming.end();
  }
}
