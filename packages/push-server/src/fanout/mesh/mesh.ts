import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, listen } from '@gopush/service';
import { Following } from '../bus/following.ts';
import { BucketCounts, BucketSet } from '../bus/room-buckets.ts';
import { Incoming } from './incoming.ts';
import { keepConnected } from './keep-connected.ts';
import { isThere, nodesIn, openFolder, socketPath } from './mesh-folder.ts';
import { Outgoing } from './outgoing.ts';
import { writeFrame } from './peer-frames.ts';
import { type DropCause, forward, type MeshTimes } from './peer-protocol.ts';

/** What a mesh tells its user. */
export interface MeshEvents {
  onMessage(payload: Buffer): void;
  /** Another node gets what is published from now on. */
  onPeer(id: string): void;
  /** Another node cannot be reached any more. */
  onPeerGone(id: string): void;
  /** Messages of another node may have been lost. */
  onGap(): void;
}

/** The nodes of one machine, each connected to each, without a server. */
export interface Mesh {
  /** Name of this node. */
  readonly id: string;
  /** Sends to all other nodes. */
  publish(payload: Buffer): void;
  /** Sends to those that follow a bucket. */
  publishTo(bucket: number, payload: Buffer): void;
  /** Sends to one; nothing happens where it is gone. */
  send(peer: string, payload: Buffer): void;
  /** What is lost from now on before a peer is met is told to it as a gap. */
  countLoss(): void;
  /**
   * Follows a bucket, once more where it is followed already.
   *
   * @param onLate - called where a peer could not be waited for and knows it now: it may have sent something before that did not come here
   * @returns resolves when all peers know it, or no more can be waited for
   */
  follow(bucket: number, onLate: () => void): Promise<void>;
  unfollow(bucket: number): void;
  /** Meets the nodes that are there. */
  join(): Promise<void>;
  /** Connections to peers that this node has ended, by cause. */
  readonly drops: ReadonlyMap<DropCause, number>;
  close(): Promise<void>;
}

/** Longest wait for the nodes that are there to answer, in milliseconds. */
const joinMs = 1_000;

const usualTimes: MeshTimes = { beat: 500, silence: 10_000, stale: 1_250, follow: 1_500, greeting: 2_000, look: 1_000 };

/**
 * Joins the nodes of one machine by Unix sockets in a folder.
 *
 * Each node listens on a socket of its own there, dials all others it finds, and dials back whoever dials it. It sends on what
 * it dialled and receives on what it accepted, so two nodes that start at once need no rule about which connection stays. As each
 * listens before it looks, of any two at least one finds the other.
 */
export async function startMesh(
  folder: string,
  events: MeshEvents,
  log: Logger,
  times: MeshTimes = usualTimes,
): Promise<Mesh> {
  await openFolder(folder);
  const id = randomBytes(6).toString('hex');
  /** Nodes that are being dialled or are connected; `undefined` while there is no connection. */
  const dialled = new Map<string, Outgoing | undefined>();
  const connections = new Set<Socket>();
  /** All that were accepted; by peers those that have greeted. */
  const accepted = new Set<Incoming>();
  const met = new Map<string, Incoming>();
  const counts = new BucketCounts();
  const followed = new BucketSet();
  /** Buckets of which not all peers know yet. */
  const becoming = new Map<number, Following>();
  const drops = new Map<DropCause, number>();
  let hasSent = false;
  let onMet: (() => void) | undefined;
  const closing = new AbortController();

  function dropped(peer: string | undefined, cause: DropCause): void {
    drops.set(cause, (drops.get(cause) ?? 0) + 1);
    log.warn(
      { peer, cause },
      'a connection to another push-server was closed; it is reopened when that push-server responds',
    );
  }

  const server = createServer((socket) => {
    const incoming = new Incoming(socket, times, {
      followed: () => followed.bytes,
      onGreeting(incoming) {
        const peer = incoming.peer as string;
        // Whoever dials once more has given up the connection before.
        met.get(peer)?.end();
        met.set(peer, incoming);
        void dial(peer);
      },
      onOpen(lost) {
        if (lost) events.onGap();
        onMet?.();
      },
      onMessage: events.onMessage,
      onDrop: (cause) => dropped(incoming.peer, cause),
      onClose({ peer }) {
        accepted.delete(incoming);
        if (peer !== undefined && met.get(peer) === incoming) met.delete(peer);
      },
    });
    accepted.add(incoming);
  });
  // In a cluster the socket would belong to the primary, and take connections for a worker that is dead.
  const own = { path: socketPath(folder, id), exclusive: true };
  await listen(server, own);

  /** Makes its socket anew where that is gone, as when temporary files are cleaned up: nodes that start later could not meet this one. */
  async function appear(): Promise<void> {
    if (closing.signal.aborted || (await isThere(own.path))) return;
    await openFolder(folder);
    // Connections stay; of the old socket nothing must be removed later, when the new one has its name.
    if (server.listening) server.close();
    await listen(server, own);
    log.warn({ path: own.path }, 'the socket of this push-server was deleted and is created again');
    // Whoever started meanwhile found nobody.
    for (const peer of await nodesIn(folder)) void dial(peer);
  }
  let appearing: Promise<void> | undefined;
  const looks = setInterval(() => {
    appearing ??= appear()
      .catch((error: unknown) => {
        log.warn({ err: error, folder }, 'push-servers that start now are not found: their folder cannot be used');
      })
      .finally(() => {
        appearing = undefined;
      });
  }, times.look).unref();

  async function dial(peer: string): Promise<void> {
    if (peer === id || dialled.has(peer)) return;
    dialled.set(peer, undefined);
    let wasOpen = false;
    const stay = (socket: Socket): Promise<void> =>
      new Promise((resolve) => {
        const outgoing = new Outgoing(socket, id, times, {
          hasLost: () => wasOpen || hasSent,
          onOpen() {
            wasOpen = true;
            events.onPeer(peer);
            onMet?.();
          },
          onDrop: (cause) => dropped(peer, cause),
        });
        connections.add(socket);
        dialled.set(peer, outgoing);
        socket.once('close', () => {
          connections.delete(socket);
          dialled.set(peer, undefined);
          if (outgoing.wasOpen) events.onPeerGone(peer);
          resolve();
        });
        if (closing.signal.aborted) socket.destroy();
      });
    await keepConnected(socketPath(folder, peer), stay, closing.signal);
    dialled.delete(peer);
    onMet?.();
  }

  const beats = setInterval(() => {
    for (const outgoing of dialled.values()) outgoing?.beat();
    for (const incoming of accepted) incoming.beat();
  }, times.beat).unref();

  function becomeFollowed(bucket: number): Following {
    const now = performance.now();
    const following: Following = new Following(times.follow, () => {
      if (becoming.get(bucket) === following) becoming.delete(bucket);
    });
    for (const incoming of met.values()) incoming.follow(bucket, following.add(!incoming.isOverdue(now)));
    return following;
  }

  return {
    id,
    drops,
    publish(payload) {
      if (dialled.size === 0) return;
      const frame = writeFrame(forward.message, payload);
      for (const outgoing of dialled.values()) outgoing?.send(frame);
    },
    publishTo(bucket, payload) {
      hasSent = true;
      const now = performance.now();
      let frame: Buffer | undefined;
      for (const outgoing of dialled.values()) {
        if (outgoing?.wants(bucket, now) !== true) continue;
        frame ??= writeFrame(forward.message, payload);
        outgoing.send(frame);
      }
    },
    send(peer, payload) {
      dialled.get(peer)?.send(writeFrame(forward.message, payload));
    },
    countLoss() {
      hasSent = true;
    },
    follow(bucket, onLate) {
      const isFirst = counts.add(bucket);
      if (isFirst) followed.add(bucket);
      let following = becoming.get(bucket);
      if (isFirst && met.size > 0) {
        following = becomeFollowed(bucket);
        becoming.set(bucket, following);
        following.begin();
      }
      if (following === undefined) return nothingToDo;
      following.whenLate(onLate);
      return following.known;
    },
    unfollow(bucket) {
      if (!counts.remove(bucket)) return;
      followed.delete(bucket);
      becoming.delete(bucket);
      for (const incoming of met.values()) incoming.unfollow(bucket);
    },
    async join() {
      for (const peer of await nodesIn(folder)) void dial(peer);
      const waiting = new AbortController();
      const allMet = new Promise<void>((resolve) => {
        onMet = () => {
          const isMet = ([peer, outgoing]: [string, Outgoing | undefined]): boolean =>
            outgoing?.isOpen === true && met.get(peer)?.isOpen === true;
          if ([...dialled].every(isMet)) resolve();
        };
        onMet();
      });
      await Promise.race([allMet, delay(joinMs, undefined, { signal: waiting.signal }).catch(() => {})]);
      waiting.abort();
      onMet = undefined;
    },
    async close() {
      closing.abort();
      clearInterval(beats);
      clearInterval(looks);
      await appearing;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // What was just published still goes out.
      await Promise.all([...connections].map(endSocket));
      for (const incoming of accepted) incoming.end();
      await closed;
    },
  };
}

const nothingToDo = Promise.resolve();

function endSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => socket.destroy(), 500);
    socket.once('close', () => {
      clearTimeout(cut);
      resolve();
    });
    if (socket.closed) resolve();
    socket.end(() => socket.destroy());
  });
}
