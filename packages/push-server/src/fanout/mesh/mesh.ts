import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@gopush/service';
import { IncomingPeers } from './incoming-peers.ts';
import { nodesIn, openFolder } from './mesh-folder.ts';
import { MeshListener } from './mesh-listener.ts';
import { OutgoingPeers } from './outgoing-peers.ts';
import { type DropCause, type MeshTimes, usualTimes } from './peer-protocol.ts';

/** Events of a mesh. */
interface MeshEvents {
  onMessage(payload: Buffer): void;
  /** Another node gets all messages that are published from now on. */
  onPeer(id: string): void;
  /** Another node cannot be reached any more. */
  onPeerGone(id: string): void;
  /** Messages of another node may have been lost. */
  onGap(): void;
}

/** Options of a mesh. */
export interface MeshOptions {
  /** The folder in which the nodes meet. */
  readonly folder: string;
  readonly events: MeshEvents;
  readonly log: Logger;
  /** @defaultValue the usual ones */
  readonly times?: MeshTimes;
}

/** Longest wait for the nodes that are there to respond, in milliseconds: as long as a start waits for Redis. */
const joinMs = 2_000;

/**
 * Joins the nodes of one machine by Unix sockets in a folder, each with each, without a server.
 *
 * Each node listens on a socket of its own there, dials all others that it finds, and dials back each one that dials it. It sends on the
 * connections that it dialled, and receives on those that it accepted, so two nodes that start at once need no rule about which connection
 * stays. As each listens before it looks into the folder, of any two nodes at least one finds the other.
 */
export class Mesh {
  /** Name of this node. */
  readonly id = randomBytes(6).toString('hex');
  /** Connections to peers that this node has ended, by cause. */
  readonly drops = new Map<DropCause, number>();
  readonly #options: MeshOptions;
  readonly #outgoing: OutgoingPeers;
  readonly #incoming: IncomingPeers;
  readonly #listener: MeshListener;
  readonly #beats: NodeJS.Timeout;
  /** While {@link join} waits: a peer was met, or is given up. */
  #onMet: (() => void) | undefined;

  /** Nothing is connected before {@link open}. */
  constructor(options: MeshOptions) {
    this.#options = options;
    const { folder, events, log, times = usualTimes } = options;
    const { id: node } = this;
    this.#outgoing = new OutgoingPeers({
      folder,
      node,
      times,
      onPeer: (peer) => events.onPeer(peer),
      onPeerGone: (peer) => events.onPeerGone(peer),
      onChange: () => this.#onMet?.(),
      onDrop: (peer, cause) => this.#dropped(peer, cause),
    });
    this.#incoming = new IncomingPeers({
      times,
      onMessage: (payload) => events.onMessage(payload),
      onGreeting: (peer) => void this.#outgoing.dial(peer),
      onOpen: (lost) => {
        if (lost) events.onGap();
        this.#onMet?.();
      },
      onDrop: (peer, cause) => this.#dropped(peer, cause),
    });
    this.#listener = new MeshListener({
      folder,
      node,
      lookMs: times.look,
      onConnection: (socket) => this.#incoming.accept(socket),
      onRemade: () => this.#dialAll(),
      log,
    });
    this.#beats = setInterval(() => {
      this.#outgoing.beat();
      this.#incoming.beat();
    }, times.beat).unref();
  }

  /** Listens for other nodes. */
  async open(): Promise<void> {
    try {
      await openFolder(this.#options.folder);
      await this.#listener.open();
    } catch (error) {
      clearInterval(this.#beats);
      throw error;
    }
  }

  /** Sends to all other nodes. */
  publish(payload: Buffer): void {
    this.#outgoing.publish(payload);
  }

  /** Sends to those that follow a bucket. */
  publishTo(bucket: number, payload: Buffer): void {
    this.#outgoing.publishTo(bucket, payload);
  }

  /** Sends to one; nothing happens if it is gone. */
  send(peer: string, payload: Buffer): void {
    this.#outgoing.send(peer, payload);
  }

  /** From now on, each new peer is notified of a gap: it may have lost messages. */
  countLoss(): void {
    this.#outgoing.countLoss();
  }

  /**
   * Follows a bucket, once more if it is followed already.
   *
   * @param onLate - called if a peer could not be waited for and knows of it now: it may have sent something before that did not come here
   * @returns resolves when all peers know of it, or no more can be waited for
   */
  follow(bucket: number, onLate: () => void): Promise<void> {
    return this.#incoming.follow(bucket, onLate);
  }

  unfollow(bucket: number): void {
    this.#incoming.unfollow(bucket);
  }

  /** Whether all nodes that are known to be there get what is sent. One that ended without removing its socket counts until that is removed. */
  get isJoined(): boolean {
    return this.#outgoing.areOpen();
  }

  /** Meets the nodes that are there, as far as they respond in time. */
  async join(): Promise<void> {
    await this.#dialAll();
    const waiting = new AbortController();
    const allMet = new Promise<void>((resolve) => {
      this.#onMet = () => {
        if (this.#outgoing.areOpen((peer) => this.#incoming.isOpen(peer))) resolve();
      };
      this.#onMet();
    });
    await Promise.race([allMet, delay(joinMs, undefined, { signal: waiting.signal }).catch(() => {})]);
    waiting.abort();
    this.#onMet = undefined;
  }

  async close(): Promise<void> {
    this.#outgoing.stop();
    clearInterval(this.#beats);
    await this.#listener.stop();
    const closed = this.#listener.close();
    await this.#outgoing.end();
    this.#incoming.end();
    await closed;
  }

  async #dialAll(): Promise<void> {
    for (const peer of await nodesIn(this.#options.folder)) void this.#outgoing.dial(peer);
  }

  #dropped(peer: string | undefined, cause: DropCause): void {
    this.drops.set(cause, (this.drops.get(cause) ?? 0) + 1);
    this.#options.log.warn(
      { peer, cause },
      'a connection to another push-server was closed; it is reopened when that push-server responds',
    );
  }
}
