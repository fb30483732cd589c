/** A process of gopush. */
export interface RegisteredNode {
  readonly id: string;
  /** Name for people; a node and its successor may have the same. Absent: announced by an older version. */
  readonly name?: string;
  /** Kind of process: `agent`, `push-server`, … */
  readonly tier: string;
  readonly host: string;
  readonly port: number;
  /** Its machine; absent: not known. Loopback addresses are valid on the same machine only. */
  readonly machine?: string;
  /** Its share of new clients, relative to the other nodes of its tier. */
  readonly weight: number;
  /** Its load, in a unit of its tier. */
  readonly load: number;
  /** `draining`: it serves its clients and wants no new ones. */
  readonly state: 'ready' | 'draining';
  /** The products it serves; absent: all. */
  readonly products?: readonly string[];
}

/** Reads the announcement of a node; `undefined` for other bytes, or for an announcement of another version. */
export function readNode(json: Buffer): RegisteredNode | undefined {
  try {
    const node = JSON.parse(json.toString()) as RegisteredNode;
    const isNode = typeof node.id === 'string' && typeof node.tier === 'string' && typeof node.host === 'string';
    return isNode && Number.isInteger(node.port) ? node : undefined;
  } catch {
    return undefined;
  }
}

/** The nodes of a cluster. */
export interface RegistryStore {
  /**
   * Announces a node, or renews its announcement. Without a further call it expires with its lease.
   *
   * @param leaseMs - in milliseconds, at least 1
   * @throws StoreError
   */
  announce(node: RegisteredNode, leaseMs: number): Promise<void>;
  /** Removes a node. */
  withdraw(id: string): Promise<void>;
  /** The nodes with a valid lease, sorted by id. */
  list(): Promise<readonly RegisteredNode[]>;
  /**
   * Calls back with the list: once at the beginning, then within 1 s of each change, be it an announcement or an expired lease. While the store
   * is down it does not call, so that the last list stays valid.
   *
   * @returns stops it
   */
  watch(listener: (nodes: readonly RegisteredNode[]) => void): () => void;
}
