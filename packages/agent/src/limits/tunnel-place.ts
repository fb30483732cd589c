import type { Socket } from 'node:net';
import type { Limits } from './limits.ts';

/** The place of a client among the tunnels of its uid, from before its target is asked. */
export interface TunnelPlace {
  /** Gives it back: no tunnel came of it. */
  leave(): void;
  /**
   * The tunnel counts for itself from now on.
   *
   * @returns `false` where the client has closed, and its place is free already
   */
  keep(): boolean;
}

/**
 * Takes a place for a client. It is free again as soon as the client closes, whatever still waits on its behalf, so that it can try again.
 *
 * @returns `undefined`: its uid has as many tunnels as it may have
 */
export function takeTunnelPlace(limits: Limits, uid: string, client: Socket): TunnelPlace | undefined {
  if (!limits.openTunnel(uid)) return undefined;
  let isHeld = true;
  const leave = (): void => {
    client.off('close', leave);
    if (isHeld) limits.closeTunnel(uid);
    isHeld = false;
  };
  client.once('close', leave);
  return {
    leave,
    keep() {
      client.off('close', leave);
      return isHeld && !client.destroyed;
    },
  };
}
