import type { Socket } from 'node:net';
import { noUser } from '@gopush/contract';
import { addTo } from './add-to.ts';

/** Counts the tunnels of each uid. */
export class TunnelLimits {
  readonly #most: number;
  readonly #perUid = new Map<string, number>();

  /** @param most - tunnels of one uid; 0: no limit */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there is no limit, so that nothing is counted. */
  get isOff(): boolean {
    return this.#most === 0;
  }

  /** Counts a tunnel. @returns `false` if its uid has enough */
  open(uid: string): boolean {
    if (this.#most === 0 || uid === noUser) return true;
    if ((this.#perUid.get(uid) ?? 0) >= this.#most) return false;
    addTo(this.#perUid, uid, 1);
    return true;
  }

  /** Counts a tunnel that is open already, however many its uid has. */
  adopt(uid: string): void {
    if (this.#most > 0 && uid !== noUser) addTo(this.#perUid, uid, 1);
  }

  close(uid: string): void {
    if (this.#most > 0 && uid !== noUser) addTo(this.#perUid, uid, -1);
  }
}

/** The place of a client among the tunnels of its uid, from before its target is asked. */
export interface TunnelPlace {
  /** Gives the place back: there will be no tunnel. */
  leave(): void;
  /**
   * The tunnel counts for itself from now on.
   *
   * @returns `false` if the client has closed, and its place is free already
   */
  keep(): boolean;
}

/**
 * Takes a place for a client. It is free again as soon as the client closes, even while hooks or targets still work for it, so that the client
 * can try again.
 *
 * @returns `undefined`: its uid has as many tunnels as it may have
 */
export function takeTunnelPlace(limits: TunnelLimits, uid: string, client: Socket): TunnelPlace | undefined {
  if (limits.isOff) return { leave: ignore, keep: () => !client.destroyed };
  if (!limits.open(uid)) return undefined;
  let isHeld = true;
  const leave = (): void => {
    client.off('close', leave);
    if (isHeld) limits.close(uid);
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

function ignore(): void {}
