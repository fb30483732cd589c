import type { Socket } from 'node:net';
import { keepConnected } from './keep-connected.ts';
import { socketPath } from './mesh-folder.ts';
import { Outgoing } from './outgoing.ts';
import { writeFrame } from './peer-frames.ts';
import { type DropCause, forward, type MeshTimes } from './peer-protocol.ts';

/** How long a connection that ends may take to send messages that were just published, in milliseconds. */
const endMs = 500;

/** What dialling other nodes needs. */
export interface OutgoingPeersOptions {
  readonly folder: string;
  /** Name of this node. */
  readonly node: string;
  readonly times: MeshTimes;
  /** A peer gets all messages that are published from now on. */
  readonly onPeer: (peer: string) => void;
  /** A peer cannot be reached any more. */
  readonly onPeerGone: (peer: string) => void;
  /** A peer was met, or is given up. */
  readonly onChange: () => void;
  readonly onDrop: (peer: string, cause: DropCause) => void;
}

/** The nodes that this one dials, to send its messages to them. */
export class OutgoingPeers {
  readonly #options: OutgoingPeersOptions;
  /** Nodes that are being dialled or are connected; `undefined` while there is no connection. */
  readonly #peers = new Map<string, Outgoing | undefined>();
  readonly #sockets = new Set<Socket>();
  readonly #stopping = new AbortController();
  #hasSent = false;

  constructor(options: OutgoingPeersOptions) {
    this.#options = options;
  }

  /** Keeps a connection to a node, until its socket is gone from the folder. */
  async dial(peer: string): Promise<void> {
    const { node, folder, onChange } = this.#options;
    if (peer === node || this.#peers.has(peer)) return;
    this.#peers.set(peer, undefined);
    const path = socketPath(folder, peer);
    const dialled = { peer, wasOpen: false };
    await keepConnected(path, (socket) => this.#stay(dialled, socket), this.#stopping.signal);
    this.#peers.delete(peer);
    onChange();
  }

  /** Uses one connection. Resolves when it is over. */
  #stay(dialled: { readonly peer: string; wasOpen: boolean }, socket: Socket): Promise<void> {
    const { node, times, onPeer, onPeerGone, onChange, onDrop } = this.#options;
    const { peer } = dialled;
    return new Promise((resolve) => {
      const outgoing = new Outgoing(socket, node, times, {
        hasLost: () => dialled.wasOpen || this.#hasSent,
        onOpen() {
          dialled.wasOpen = true;
          onPeer(peer);
          onChange();
        },
        onDrop: (cause) => onDrop(peer, cause),
      });
      this.#sockets.add(socket);
      this.#peers.set(peer, outgoing);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.#peers.set(peer, undefined);
        if (outgoing.wasOpen) onPeerGone(peer);
        resolve();
      });
      if (this.#stopping.signal.aborted) socket.destroy();
    });
  }

  /** Sends to all. */
  publish(payload: Buffer): void {
    if (this.#peers.size === 0) return;
    const frame = writeFrame(forward.message, payload);
    for (const outgoing of this.#peers.values()) outgoing?.send(frame);
  }

  /** Sends to those that follow a bucket. */
  publishTo(bucket: number, payload: Buffer): void {
    this.#hasSent = true;
    const now = performance.now();
    let frame: Buffer | undefined;
    for (const outgoing of this.#peers.values()) {
      if (outgoing?.wants(bucket, now) !== true) continue;
      frame ??= writeFrame(forward.message, payload);
      outgoing.sendTogether(frame);
    }
  }

  /** Sends to one. One that is not met yet is notified of a loss when it is. */
  send(peer: string, payload: Buffer): void {
    const outgoing = this.#peers.get(peer);
    if (outgoing?.isOpen === true) outgoing.send(writeFrame(forward.message, payload));
    else this.countLoss();
  }

  /** From now on, each new peer is notified that it may have lost messages. */
  countLoss(): void {
    this.#hasSent = true;
  }

  /** Whether all are connected, and pass a test. */
  areOpen(test: (peer: string) => boolean = () => true): boolean {
    for (const [peer, outgoing] of this.#peers) if (outgoing?.isOpen !== true || !test(peer)) return false;
    return true;
  }

  beat(): void {
    for (const outgoing of this.#peers.values()) outgoing?.beat();
  }

  /** Dials no more. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Ends all connections; messages that were just published are still sent. */
  async end(): Promise<void> {
    await Promise.all([...this.#sockets].map(endSocket));
  }
}

function endSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => socket.destroy(), endMs);
    socket.once('close', () => {
      clearTimeout(cut);
      resolve();
    });
    if (socket.closed) resolve();
    socket.end(() => socket.destroy());
  });
}
