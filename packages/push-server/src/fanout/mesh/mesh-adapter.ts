import { decodeValue, encodeValue } from '@gopush/store';
import {
  ClusterAdapterWithHeartbeat,
  type ClusterMessage,
  type ClusterResponse,
  MessageType,
  type Offset,
  type ServerId,
} from 'socket.io-adapter';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';
import type { Mesh } from './mesh.ts';

/** The Socket.IO adapters over a mesh: one for each namespace. */
export class MeshAdapters {
  readonly #mesh: Mesh;
  readonly #byNamespace = new Map<string, MeshAdapter>();

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  /** Makes the adapter of a namespace. */
  get factory(): AdapterFactory {
    const mesh = this.#mesh;
    const byNamespace = this.#byNamespace;
    // No arrow function: Socket.IO calls it with `new`.
    return function createMeshAdapter(namespace) {
      const created = new MeshAdapter(namespace, mesh, ({ nsp: { name } }) => {
        if (byNamespace.get(name) === created) byNamespace.delete(name);
      });
      byNamespace.set(created.nsp.name, created);
      return created;
    };
  }

  /**
   * Takes a message of the adapter of another node.
   *
   * @throws Error if these are bytes of something else
   */
  receive(payload: Buffer): void {
    const message = decodeValue(payload) as ClusterMessage;
    this.#byNamespace.get(message.nsp)?.receive(message);
  }

  /** Tells a node which namespaces this one has. */
  greet(peer: string): void {
    for (const adapter of this.#byNamespace.values()) adapter.greet(peer);
  }

  /** A node is gone. */
  forget(peer: string): void {
    for (const adapter of this.#byNamespace.values()) adapter.forget(peer);
  }
}

/**
 * The adapter of one namespace. The class that it extends counts the other nodes by heartbeats. In a mesh a connection that closes tells at
 * once that a node is gone, so heartbeats are only the greeting of two nodes that meet.
 */
class MeshAdapter extends ClusterAdapterWithHeartbeat {
  readonly #mesh: Mesh;
  readonly #onClose: (adapter: MeshAdapter) => void;

  /** @param onClose - called when its namespace is gone */
  constructor(namespace: unknown, mesh: Mesh, onClose: (adapter: MeshAdapter) => void) {
    super(namespace, { heartbeatInterval: 0x7fffffff, heartbeatTimeout: Number.POSITIVE_INFINITY });
    this.#mesh = mesh;
    this.#onClose = onClose;
    // The same in all namespaces, so that a response finds its way by the name of the node that asked.
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
    return responded;
  }
}

const published = Promise.resolve('');
const responded = Promise.resolve();

function encode(message: ClusterMessage | ClusterResponse): Buffer {
  try {
    return encodeValue(message);
  } catch {
    // A value that cannot be cloned, such as a function: Socket.IO leaves it out of what it sends to clients, too.
    return encodeValue(JSON.parse(JSON.stringify(message)));
  }
}
