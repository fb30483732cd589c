import type { Limits } from './limits.ts';

/** A tunnel, or a connection that was handed over, and where it is counted. */
interface Counted {
  /** Its target. */
  readonly member: { tunnels: number };
  readonly uid: string;
  /** The address under which the connection is counted; `undefined`: its own socket counts. */
  readonly peer: string | undefined;
}

/** Stops counting a tunnel, or a connection that was handed over, at its target and for its uid and address. */
export function stopCounting({ tunnels, connections }: Limits, { member, uid, peer }: Counted): void {
  member.tunnels--;
  tunnels.close(uid);
  if (peer !== undefined) connections.leave(peer);
}
