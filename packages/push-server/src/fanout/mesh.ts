import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, listen } from '@gopush/service';
import { createFrameReader, maxFrameBytes, writeFrame } from './frames.ts';

/** What a mesh tells its user. */
export interface MeshEvents {
  onMessage(payload: Buffer): void;
  /** Another node can be reached; also when it was before, and may have forgotten us. */
  onPeer(id: string): void;
  /** Another node cannot be reached any more. */
  onPeerGone(id: string): void;
}

/** The nodes of one machine, each connected to each, without a server. */
export interface Mesh {
  /** Name of this node. */
  readonly id: string;
  /** Sends to all other nodes. */
  publish(payload: Buffer): void;
  /** Sends to one; nothing happens where it is gone. */
  send(peer: string, payload: Buffer): void;
  /** Meets the nodes that are there. */
  join(): Promise<void>;
  close(): Promise<void>;
}

/** Most that may wait for one node, in bytes; a node that is so far behind is let go and met anew. */
const maxQueuedBytes = maxFrameBytes;

/** Longest wait for the nodes that are there to answer, in milliseconds. */
const joinMs = 1_000;

/** Between two attempts to reach a node that refuses, in milliseconds: enough for one that is just starting to listen. */
const redialMs = 150;

/** Paths of Unix sockets are short: 108 bytes with the final zero on Linux, 104 on macOS. */
const maxPathBytes = 103;

/**
 * Joins the nodes of one machine by Unix sockets in a folder.
 *
 * Each node listens on a socket of its own there, dials all others it finds, and dials back whoever dials it. It sends on what
 * it dialled and receives on what it accepted, so two nodes that start at once need no rule about which connection stays. As each
 * listens before it looks, of any two at least one finds the other.
 */
export async function startMesh(folder: string, events: MeshEvents, log: Logger): Promise<Mesh> {
  await openFolder(folder);
  const id = randomBytes(6).toString('hex');
  const path = pathOf(folder, id);
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw new Error(
      `${path} is too long for a Unix socket (${maxPathBytes} bytes): set pushServer.fanoutDir to a shorter folder`,
    );
  }
  /** Connections to other nodes; `undefined` while one is being dialled. */
  const dialled = new Map<string, Socket | undefined>();
  const accepted = new Set<Socket>();
  /** Nodes that have dialled us. */
  const met = new Set<string>();
  let onMet: (() => void) | undefined;
  const closing = new AbortController();

  const server = createServer((socket) => {
    accepted.add(socket);
    let peer: string | undefined;
    const read = createFrameReader((payload) => {
      if (peer !== undefined) {
        events.onMessage(payload);
        return;
      }
      // The first message is the other's name, which becomes part of a path.
      const name = payload.toString('latin1');
      if (!/^[0-9a-f]{12}$/.test(name)) {
        socket.destroy();
        return;
      }
      peer = name;
      // One that dials anew may have forgotten us.
      if (dialled.get(peer) === undefined) void dial(peer);
      else events.onPeer(peer);
      met.add(peer);
      onMet?.();
    });
    socket.on('data', (chunk) => {
      if (read(chunk)) return;
      log.error({ peer }, 'a message from another push-server is too large; the connection is closed');
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      accepted.delete(socket);
      if (peer !== undefined) met.delete(peer);
    });
  });
  await listen(server, { path });

  /** Connects to a node, once; one that refuses twice is dead, and its socket file is removed. */
  async function dial(peer: string): Promise<void> {
    if (peer === id || dialled.has(peer)) return;
    dialled.set(peer, undefined);
    const path = pathOf(folder, peer);
    let outcome = await tryConnect(path);
    if (outcome === 'ECONNREFUSED') {
      await delay(redialMs);
      outcome = await tryConnect(path);
      if (outcome === 'ECONNREFUSED') await unlink(path).catch(() => {});
    }
    if (typeof outcome === 'string') dialled.delete(peer);
    else if (closing.signal.aborted) outcome.destroy();
    else keep(peer, outcome);
  }

  function keep(peer: string, socket: Socket): void {
    dialled.set(peer, socket);
    socket.on('error', () => {}).resume();
    socket.write(writeFrame(Buffer.from(id, 'latin1')));
    events.onPeer(peer);
    socket.once('close', () => {
      dialled.delete(peer);
      events.onPeerGone(peer);
      // It may only have been slow; one that is dead refuses.
      if (!closing.signal.aborted) void dial(peer);
    });
  }

  function write(peer: string, socket: Socket | undefined, frame: Buffer): void {
    if (socket === undefined) return;
    if (socket.writableLength + frame.length > maxQueuedBytes) {
      log.error(
        { peer, queued: socket.writableLength },
        'another push-server does not keep up; its connection is dropped',
      );
      socket.destroy();
      return;
    }
    socket.write(frame);
  }

  return {
    id,
    publish(payload) {
      if (dialled.size === 0) return;
      const frame = writeFrame(payload);
      for (const [peer, socket] of dialled) write(peer, socket, frame);
    },
    send(peer, payload) {
      write(peer, dialled.get(peer), writeFrame(payload));
    },
    async join() {
      const files = await readdir(folder);
      const peers = files.filter((file) => file.endsWith('.sock')).map((file) => file.slice(0, -'.sock'.length));
      await Promise.all(peers.map(dial));
      const waiting = new AbortController();
      const allMet = new Promise<void>((resolve) => {
        onMet = () => {
          if ([...dialled.keys()].every((peer) => met.has(peer))) resolve();
        };
        onMet();
      });
      await Promise.race([allMet, delay(joinMs, undefined, { signal: waiting.signal }).catch(() => {})]);
      waiting.abort();
      onMet = undefined;
    },
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // What was just published still goes out.
      await Promise.all([...dialled.values()].map((socket) => socket && endSocket(socket)));
      for (const socket of accepted) socket.destroy();
      await closed;
    },
  };
}

/** The folder, for this user alone: whoever can write there could speak as a push-server. */
async function openFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Not followed: a link that another user has put there leads where that user likes.
  const found = await lstat(folder);
  if (!found.isDirectory()) throw new Error(`${folder} is no folder: remove it, or set pushServer.fanoutDir`);
  const { uid, mode } = found;
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new Error(`${folder} belongs to another user: remove it, or set pushServer.fanoutDir`);
  }
  if ((mode & 0o022) !== 0) {
    throw new Error(`${folder} can be written by other users: restrict it (chmod 700), or set pushServer.fanoutDir`);
  }
}

function pathOf(folder: string, id: string): string {
  return join(folder, `${id}.sock`);
}

/** The connection, or the code of what went wrong. */
function tryConnect(path: string): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const failed = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

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
