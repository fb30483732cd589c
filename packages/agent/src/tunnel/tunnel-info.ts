import type { Member } from '../route/fleet.ts';

/** The client, target and counts of a tunnel. */
export interface TunnelInfo {
  /** Id of the request that opened it, the same in the logs of all tiers. */
  readonly id: string;
  /** Address of the client. */
  readonly address: string;
  readonly uid: string;
  readonly product: string;
  /** The target that it is connected to; another one after the session has migrated. */
  member: Member;
  /** When its request arrived, in time of `performance.now()`. */
  readonly startedAt: number;
  /** Why its session cannot migrate although the target supports it; `undefined`: it can, or the target does not. */
  readonly cannotMigrate: 'compressed' | undefined;
  /** Bytes each way on the client's connection before its upgrade, the 101 included. */
  bytesInBefore: number;
  bytesOutBefore: number;
  /** The address under which the connection is counted until the tunnel ends; `undefined`: its own socket counts. */
  readonly peer: string | undefined;
}
