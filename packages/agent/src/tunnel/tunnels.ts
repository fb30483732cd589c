import type { Socket } from 'node:net';
import type { TunnelInfo } from '../observe/observer.ts';
import { type Resumable, Tunnel, type TunnelEvents, type TunnelLimits } from './tunnel.ts';

/** The clients of an agent that asked for an upgrade: in their handshake, or at the end of a tunnel. */
export interface Tunnels {
  /** Counts a client's handshake until it is over: a tunnel, an answer, or gone. After the drain the client is cut. */
  greet(client: Socket): void;
  /** Joins a client and a target. */
  open(client: Socket, target: Socket, info: TunnelInfo, resumable?: Resumable): Tunnel;
  /** Closes a tunnel with 1012 when its turn comes: so many a second, after a random wait, so that clients do not all come back at once. */
  closeSoon(tunnel: Tunnel): void;
  readonly size: number;
  /** All that are open. */
  all(): Iterable<Tunnel>;
  /** What went through the open tunnels, by where it came from. */
  carrying(what: 'bytes' | 'messages'): { client: number; target: number };
  /**
   * Lets tunnels go on, then closes them with 1012 in random order, `perSecond` of them a second, and cuts what is left after
   * `drainMs`: handshakes that are under way, and tunnels. Resolves when there are none of either. Asked again with less time, the shorter
   * one counts.
   *
   * @param noMore - resolves when no client can begin a handshake any more
   */
  drain(drainMs: number, perSecond: number, noMore: Promise<unknown>): Promise<void>;
  close(): void;
}

/** Between two steps of a paced closing, in milliseconds. */
const paceMs = 50;

/** What a client has to take its close frame and to answer it, in milliseconds; half of the drain time where that is shorter. */
const goodbyeMs = 1_000;

/**
 * Keeps account of the clients that asked for an upgrade.
 *
 * @param closePerSecond - how many are closed a second where many have to be
 * @param events - told of what becomes of tunnels
 */
export function createTunnels(limits: TunnelLimits, closePerSecond: number, events: TunnelEvents): Tunnels {
  const greeting = new Set<Socket>();
  const tunnels = new Set<Tunnel>();
  const sweep = setInterval(() => {
    const now = Date.now();
    for (const tunnel of tunnels) {
      try {
        tunnel.sweep(now, limits);
      } catch (error) {
        tunnel.fault(error);
      }
    }
  }, 1_000).unref();
  /** Those who wait until nothing is open any more. */
  const waitingForEnd = new Set<() => void>();
  /** The time of a drain is over: nothing is opened any more. */
  let over = false;
  const closing = new Set<NodeJS.Timeout>();
  let nextClose = 0;
  const ownEvents: TunnelEvents = {
    onClosed(closed) {
      tunnels.delete(closed);
      try {
        events.onClosed(closed);
      } finally {
        look();
      }
    },
    onFault: events.onFault,
  };
  const cutAll = (): void => {
    over = true;
    for (const client of greeting) client.destroy();
    for (const tunnel of tunnels) tunnel.destroy('cut');
  };
  function look(): void {
    if (waitingForEnd.size === 0 || tunnels.size > 0 || greeting.size > 0) return;
    for (const resolve of waitingForEnd) resolve();
    waitingForEnd.clear();
  }
  const whenNone = (): Promise<void> =>
    new Promise((resolve) => {
      waitingForEnd.add(resolve);
      look();
    });

  return {
    greet(client) {
      if (over) {
        client.destroy();
        return;
      }
      greeting.add(client);
      client.once('close', () => {
        greeting.delete(client);
        look();
      });
    },
    open(client, target, info, resumable) {
      const tunnel = new Tunnel(client, target, info, Date.now(), ownEvents, resumable);
      tunnels.add(tunnel);
      return tunnel;
    },
    closeSoon(tunnel) {
      const now = Date.now();
      // The pace, and up to twice the distance to the one before as jitter.
      const stepMs = 1_000 / closePerSecond;
      nextClose = Math.max(now, nextClose) + stepMs;
      const timer = setTimeout(
        () => {
          closing.delete(timer);
          tunnel.contain(() => tunnel.close(1012, 'not resumed', Date.now()));
        },
        nextClose - now + Math.random() * 2 * stepMs,
      );
      closing.add(timer);
    },
    get size() {
      return tunnels.size;
    },
    all: () => tunnels,
    carrying(what) {
      const sum = { client: 0, target: 0 };
      for (const { client, target } of tunnels) {
        sum.client += client[what];
        sum.target += target[what];
      }
      return sum;
    },
    async drain(drainMs, perSecond, noMore) {
      const cut = setTimeout(cutAll, drainMs);
      // As late as the pace allows, and early enough for the last client to take its close frame.
      const closingMs = (tunnels.size / perSecond) * 1_000 + Math.min(goodbyeMs, drainMs / 2);
      let pace: NodeJS.Timeout | undefined;
      const start = setTimeout(
        () => {
          let waiting: Tunnel[] = [];
          const atOnce = Math.ceil((perSecond * paceMs) / 1_000);
          const step = (): void => {
            // Handshakes that were under way have become tunnels meanwhile.
            if (waiting.length === 0) waiting = shuffle([...tunnels].filter(({ isOver }) => !isOver));
            for (let count = 0; count < atOnce; count++) {
              const tunnel = waiting.pop();
              tunnel?.contain(() => tunnel.close(1012, 'drained', Date.now()));
            }
          };
          step();
          pace = setInterval(step, paceMs);
        },
        Math.max(0, drainMs - closingMs),
      );
      await noMore;
      await whenNone();
      clearTimeout(cut);
      clearTimeout(start);
      clearInterval(pace);
    },
    close() {
      clearInterval(sweep);
      for (const timer of closing) clearTimeout(timer);
    },
  };
}

/** Fisher and Yates. */
function shuffle<T>(list: T[]): T[] {
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    [list[index], list[other]] = [list[other] as T, list[index] as T];
  }
  return list;
}
