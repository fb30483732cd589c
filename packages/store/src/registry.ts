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
    const node: unknown = JSON.parse(json.toString());
    return isNode(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

/** Largest weight, as in a router, and longest host, in characters. */
const maxWeight = 1_000_000;
const longestHost = 255;

function isNode(value: unknown): value is RegisteredNode {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name, tier, host, port, machine, weight, load, state } = value as Partial<
    Record<keyof RegisteredNode, unknown>
  >;
  return (
    [id, tier, host, name ?? '', machine ?? ''].every((text) => typeof text === 'string') &&
    (host as string).length <= longestHost &&
    Number.isInteger(port) &&
    isWithin(port, 65_535) &&
    isWithin(weight, maxWeight) &&
    isWithin(load, Number.MAX_VALUE) &&
    (state === 'ready' || state === 'draining')
  );
}

function isWithin(value: unknown, most: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= most;
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
