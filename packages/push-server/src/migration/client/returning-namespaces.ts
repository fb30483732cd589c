import { failures } from '@gopush/contract';
import { type Packet, packetType } from '@gopush/slim-socket-io';
import type { SocketRecord } from '../../stored-session/session-record.ts';

/** How many packets of a connection wait at most for namespaces that are entered again. */
const maxWaiting = 1_000;

/** A namespace that is entered again. */
interface Returning {
  readonly record: SocketRecord;
  /** Packets that the client has sent to it meanwhile. */
  readonly waiting: Packet[];
}

/** The namespaces of a session that was taken, until it has entered them again on this node. */
export class ReturningNamespaces {
  readonly #byName = new Map<string, Returning>();
  #waiting = 0;

  constructor(sockets: readonly SocketRecord[]) {
    for (const { waiting = [], ...record } of sockets) {
      this.#byName.set(record.namespace, { record, waiting: [...waiting] });
      this.#waiting += waiting.length;
    }
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Their records, with the packets that wait. */
  get records(): readonly SocketRecord[] {
    return [...this.#byName.values()].map(({ record, waiting }) => ({ ...record, waiting }));
  }

  recordOf(namespace: string): SocketRecord | undefined {
    return this.#byName.get(namespace)?.record;
  }

  /**
   * Keeps a packet for a namespace that is not entered yet.
   *
   * @returns `false` if it is entered, `full` if too many packets wait
   */
  keep(packet: Packet): boolean | 'full' {
    const returning = this.#byName.get(packet.nsp);
    if (returning === undefined) return false;
    if (this.#waiting >= maxWaiting) return 'full';
    this.#waiting++;
    returning.waiting.push(packet);
    return true;
  }

  /** A namespace is entered, or cannot be entered. @returns the packets that waited for it */
  done(namespace: string): readonly Packet[] {
    const waiting = this.#byName.get(namespace)?.waiting ?? [];
    this.#byName.delete(namespace);
    this.#waiting -= waiting.length;
    return waiting;
  }
}

/**
 * The meaning of a response to a CONNECT of a session that enters a namespace again.
 *
 * @returns `entered`: the session continues there; `refused`: a middleware refuses it; `lost`: it cannot continue on
 * this node, or a program has ended it meanwhile
 */
export function judgeConnectResponse(
  { type, nsp, data }: Pick<Packet, 'type' | 'nsp' | 'data'>,
  { id }: Pick<SocketRecord, 'id'>,
): 'entered' | 'refused' | 'lost' {
  if (type === packetType.connectError && !(nsp === '/' && isOwnFailure(data))) return 'refused';
  return (data as { sid?: unknown } | undefined)?.sid === id ? 'entered' : 'lost';
}

/** Whether gopush itself refuses a client, rather than a middleware of the project. */
function isOwnFailure(refusal: unknown): boolean {
  const { data } = (refusal ?? {}) as { data?: { code?: unknown } };
  return typeof data?.code === 'string' && Object.hasOwn(failures, data.code);
}
