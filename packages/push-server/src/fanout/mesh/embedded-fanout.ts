import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@gopush/service';
import { decodeValue, encodeValue } from '@gopush/store';
import {
  ClusterAdapterWithHeartbeat,
  type ClusterMessage,
  type ClusterResponse,
  MessageType,
  type Offset,
  type ServerId,
} from 'socket.io-adapter';
import type { Bus } from '../../rooms/bus/bus.ts';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';
import type { Fanout } from '../bus/fanout.ts';
import { createPings } from '../bus/pings.ts';
import { bucketOf } from '../bus/room-buckets.ts';
import { type Mesh, startMesh } from './mesh.ts';

/** The folder in which the push-servers of one deployment meet: the same project on the same ports. */
export function meshFolder(dir: string, serverPortStart: number): string {
  const name = createHash('sha256')
    .update(`${realpathSync(dir)}\0${serverPortStart}`)
    .digest('hex')
    .slice(0, 16);
  // Right in the temporary folder, whose sticky bit keeps other users from exchanging it.
  return join(tmpdir(), `gopush-${process.getuid?.() ?? 0}-${name}`);
}

/**
 * Joins the push-servers of one machine without a server.
 *
 * @param folder - where they meet; see {@link meshFolder}
 */
export async function startEmbeddedFanout(folder: string, log: Logger): Promise<Fanout> {
  const adapters = new Map<string, MeshAdapter>();
  let onBusMessage: (payload: Buffer) => void = () => {};
  let onBusGap: () => void = () => {};
  const pings = createPings();
  function receive(payload: Buffer): void {
    switch (payload[0]) {
      case busByte:
        onBusMessage(payload.subarray(1));
        return;
      case pingByte:
        mesh.send(payload.toString('latin1', 1, 1 + idBytes), Buffer.concat([pongMark, payload.subarray(1 + idBytes)]));
        return;
      case pongByte:
        pings.heard(payload.subarray(1));
        return;
      default: {
        const message = decodeValue(payload) as ClusterMessage;
        adapters.get(message.nsp)?.receive(message);
      }
    }
  }
  const mesh = await startMesh(
    folder,
    {
      onMessage(payload) {
        try {
          receive(payload);
        } catch (error) {
          log.error(
            { err: error },
            'a message from another push-server cannot be decoded; does it run another version?',
          );
        }
      },
      onGap: () => onBusGap(),
      onPeer(id) {
        for (const adapter of adapters.values()) adapter.greet(id);
      },
      onPeerGone(id) {
        for (const adapter of adapters.values()) adapter.forget(id);
      },
    },
    log,
  );
  // No arrow function: Socket.IO calls it with `new`.
  const adapter: AdapterFactory = function createMeshAdapter(namespace) {
    const created = new MeshAdapter(namespace, mesh, ({ nsp: { name } }) => {
      if (adapters.get(name) === created) adapters.delete(name);
    });
    adapters.set(created.nsp.name, created);
    return created;
  };
  const bus: Bus = {
    node: mesh.id,
    publish(payload) {
      mesh.countLoss();
      mesh.publish(Buffer.concat([busMark, payload]));
    },
    publishTo: (room, payload) => mesh.publishTo(bucketOf(room), Buffer.concat([busMark, payload])),
    follow: (room, onLate) => mesh.follow(bucketOf(room), onLate),
    unfollow: (room) => mesh.unfollow(bucketOf(room)),
    send: (node, payload) => mesh.send(node, Buffer.concat([busMark, payload])),
    ping: (heard) => mesh.publish(Buffer.concat([pingMark, Buffer.from(mesh.id, 'latin1'), pings.next(heard)])),
    onMessage(listener) {
      onBusMessage = listener;
    },
    onGap(listener) {
      onBusGap = listener;
    },
  };
  return {
    kind: 'embedded',
    adapter,
    bus,
    drops: mesh.drops,
    problem: () => undefined,
    isJoined: () => true,
    onMove() {},
    counts: () => undefined,
    meet: () => async () => {},
    joined: mesh.join,
    close: mesh.close,
  };
}

/**
 * The Socket.IO adapter over a mesh. What it inherits counts the other nodes by heartbeats; here a connection that closes says at
 * once that a node is gone, so heartbeats are only the greeting of two nodes that meet.
 */
class MeshAdapter extends ClusterAdapterWithHeartbeat {
  readonly #mesh: Mesh;

  readonly #onClose: (adapter: MeshAdapter) => void;

  /** @param onClose - told that its namespace is gone */
  constructor(namespace: unknown, mesh: Mesh, onClose: (adapter: MeshAdapter) => void) {
    super(namespace, { heartbeatInterval: 0x7fffffff, heartbeatTimeout: Number.POSITIVE_INFINITY });
    this.#mesh = mesh;
    this.#onClose = onClose;
    // A node is the same in all namespaces, so that an answer finds its way by the name of who asked.
    Object.assign(this, { uid: mesh.id });
  }

  receive(message: ClusterMessage): void {
    this.onMessage(message);
  }

  /** Tells a node that this one has this namespace. */
  greet(peer: string): void {
    this.#mesh.send(peer, encode({ type: MessageType.HEARTBEAT, uid: this.uid, nsp: this.nsp.name }));
  }

  forget(peer: string): void {
    this.onMessage({ type: MessageType.ADAPTER_CLOSE, uid: peer, nsp: this.nsp.name });
  }

  override close(): void {
    super.close();
    this.#onClose(this);
  }

  protected override doPublish(message: ClusterMessage): Promise<Offset> {
    this.#mesh.publish(encode(message));
    return published;
  }

  protected override doPublishResponse(requester: ServerId, response: ClusterResponse): Promise<void> {
    this.#mesh.send(requester, encode(response));
    return answered;
  }
}

/** The first byte of our own messages. What Socket.IO's adapter sends is an encoded value, which begins with 0x10. */
const busByte = 0x01;
const busMark = Buffer.from([busByte]);

/** A ping is followed by the name of who wants the answer. */
const pingByte = 0x02;
const pingMark = Buffer.from([pingByte]);
const pongByte = 0x03;
const pongMark = Buffer.from([pongByte]);
/** How many bytes the name of a node has. */
const idBytes = 12;

const published = Promise.resolve('');
const answered = Promise.resolve();

function encode(message: ClusterMessage | ClusterResponse): Buffer {
  try {
    return encodeValue(message);
  } catch {
    // Something that cannot be cloned, as a function: Socket.IO leaves that out of what it sends to clients, too.
    return encodeValue(JSON.parse(JSON.stringify(message)));
  }
}
