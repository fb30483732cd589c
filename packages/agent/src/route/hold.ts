import type { Socket } from 'node:net';
import type { Config } from '@gopush/contract';
import { hasEnded } from '../request/close-at-end.ts';
import type { Member, Product } from './fleet.ts';
import { knock } from './knock.ts';

/** For whom a client waits. */
interface WaitFor {
  readonly product: Product;
  /** Which members may serve it, as far as is known; the same list for all where it is the same. */
  readonly members: readonly Member[];
}

/** How waiting ended: try again; no target came in time; there was no room to wait; the client went away; the agent stops. */
type HoldEnd = 'try' | 'expired' | 'full' | 'gone' | 'stopped';

/** Where clients wait while no target of their product is up. */
export interface Hold {
  /** How many wait now. */
  readonly waiting: number;
  /** How many bytes of requests these have. */
  readonly bytes: number;
  /**
   * Waits until a target of the product may be up.
   *
   * @param bytes - size of the request that waits
   * @param deadline - when to give up, in milliseconds since 1970
   */
  wait(what: WaitFor, client: Socket, bytes: number, deadline: number): Promise<HoldEnd>;
  /** Lets all go. */
  close(): void;
}

/** What a hold needs. */
export interface HoldOptions {
  readonly limits: Config['hold'];
  readonly connectTimeoutMs: number;
  /** Told when a target was found to be there. */
  readonly onUp: (member: Member) => void;
}

/** Between two looks for a target, in milliseconds. */
const lookMs = 200;

/** How many go on at a time when a target is up, each `lookMs / 10`, so that it is not trampled down. */
const batch = 200;

interface Waiter {
  readonly members: readonly Member[];
  readonly client: Socket;
  readonly bytes: number;
  readonly deadline: number;
  end(how: HoldEnd): void;
}

/** Opens the waiting room of an agent. */
export function createHold({ limits, connectTimeoutMs, onUp }: HoldOptions): Hold {
  const rooms = new Map<Product, Set<Waiter>>();
  let count = 0;
  let bytesHeld = 0;
  let looking: NodeJS.Timeout | undefined;
  let closed = false;

  async function look(): Promise<void> {
    const now = Date.now();
    for (const waiters of rooms.values()) {
      for (const waiter of waiters) {
        if (hasEnded(waiter.client)) waiter.end('gone');
        else if (waiter.deadline <= now) waiter.end('expired');
      }
    }
    await Promise.all([...rooms].map(([product, waiters]) => lookFor(product, waiters)));
    looking = rooms.size === 0 || closed ? undefined : setTimeout(look, lookMs);
  }

  async function lookFor(product: Product, waiters: Set<Waiter>): Promise<void> {
    const found = await knockAll(product, waiters);
    if (found) return;
    // Nothing came of it: whoever waits longest asks the router again, which may name others by now.
    const [first] = waiters;
    first?.end('try');
  }

  /** Knocks at all targets for which someone waits, and lets go at once who waits for one that is up. */
  async function knockAll(product: Product, waiters: Set<Waiter>): Promise<boolean> {
    // Whoever got another list before may find its target in the new one.
    const { current } = product;
    const lists = new Set([current, ...Array.from(waiters, ({ members }) => members)]);
    const members = new Set([...lists].flat());
    let found = false;
    await Promise.all(
      Array.from(members, async (member) => {
        // One that takes no new clients is there, and of no use.
        if (member.notReady !== undefined || member.target.weight === 0) return;
        if ((await knock(member.target, connectTimeoutMs)) !== undefined) return;
        found = true;
        onUp(member);
        const isNew = current.includes(member);
        await letGo([...waiters].filter((one) => one.members.includes(member) || (isNew && one.members !== current)));
      }),
    );
    return found;
  }

  async function letGo(going: readonly Waiter[]): Promise<void> {
    for (let start = 0; start < going.length; start += batch) {
      if (start > 0) await new Promise((resolve) => setTimeout(resolve, lookMs / 10));
      for (const waiter of going.slice(start, start + batch)) waiter.end('try');
    }
  }

  return {
    get waiting() {
      return count;
    },
    get bytes() {
      return bytesHeld;
    },
    wait({ product, members }, client, bytes, deadline) {
      if (closed) return Promise.resolve('stopped');
      if (count >= limits.maxWaiting || bytesHeld + bytes > limits.maxBytes) return Promise.resolve('full');
      if (client.destroyed) return Promise.resolve('gone');
      return new Promise((resolve) => {
        let waiters = rooms.get(product);
        if (waiters === undefined) {
          waiters = new Set();
          rooms.set(product, waiters);
        }
        const room = waiters;
        const onGone = (): void => waiter.end('gone');
        const waiter: Waiter = {
          members,
          client,
          bytes,
          deadline,
          end(how) {
            if (!room.delete(waiter)) return;
            if (room.size === 0) rooms.delete(product);
            count--;
            bytesHeld -= bytes;
            client.off('close', onGone);
            resolve(how);
          },
        };
        room.add(waiter);
        count++;
        bytesHeld += bytes;
        client.once('close', onGone);
        looking ??= setTimeout(look, lookMs);
      });
    },
    close() {
      closed = true;
      clearTimeout(looking);
      for (const waiters of [...rooms.values()]) for (const waiter of [...waiters]) waiter.end('stopped');
    },
  };
}
