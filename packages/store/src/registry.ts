/** A process that serves. */
export interface RegisteredNode {
  readonly id: string;
  /** What people call it; nodes that are one after the other may have the same. Absent: an older version announced it. */
  readonly name?: string;
  /** What it is: `agent`, `push-server`, … */
  readonly tier: string;
  readonly host: string;
  readonly port: number;
  /** Which machine it is on; absent: not known. Loopback addresses mean something on the same machine only. */
  readonly machine?: string;
  /** Its share of new clients, beside the others of its tier. */
  readonly weight: number;
  /** How much it has to do, in a unit of its tier. */
  readonly load: number;
  /** `draining`: serves those it has, wants no new ones. */
  readonly state: 'ready' | 'draining';
  /** The products it serves; absent: all. */
  readonly products?: readonly string[];
}

/** Reads what a node has announced; `undefined` where these are bytes of something else, or of a version that announces otherwise. */
export function readNode(json: Buffer): RegisteredNode | undefined {
  try {
    const node = JSON.parse(json.toString()) as RegisteredNode;
    const isNode = typeof node.id === 'string' && typeof node.tier === 'string' && typeof node.host === 'string';
    return isNode && Number.isInteger(node.port) ? node : undefined;
  } catch {
    return undefined;
  }
}

/** Which nodes there are. */
export interface RegistryStore {
  /**
   * Says, or says again, that a node is there. Without a further call it is gone after its lease.
   *
   * @param leaseMs - from 1 on, in milliseconds
   * @throws StoreError
   */
  announce(node: RegisteredNode, leaseMs: number): Promise<void>;
  /** Says that a node is gone. */
  withdraw(id: string): Promise<void>;
  /** The nodes whose lease runs, in order of their ids. */
  list(): Promise<readonly RegisteredNode[]>;
  /**
   * Calls back with the list: once at the begin, then within 1 s of a change, be it an announcement or a lease that ran out. While the
   * store is down it does not call, so that the last list goes on to count.
   *
   * @returns stops it
   */
  watch(listener: (nodes: readonly RegisteredNode[]) => void): () => void;
}
