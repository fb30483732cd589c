import type { Socket } from 'node:net';
import type { Config } from '@gopush/contract';
import { hasEnded } from '@gopush/service';
import type { Member, Product } from './fleet.ts';
import { knock } from './knock.ts';

/** What a client waits for. */
interface WaitFor {
  readonly product: Product;
  /** The targets that may serve it, as far as is known; the same array for all clients if it is the same. */
  readonly members: readonly Member[];
}

/** How waiting ended: try again; no target came in time; the queue is full; the client went away; the agent stops. */
type HoldEnd = 'try' | 'expired' | 'full' | 'gone' | 'stopped';

/** The queues in which clients wait while no target of their product is up. */
export interface Hold {
  /** How many clients wait. */
  readonly waiting: number;
  /** How many bytes their requests have. */
  readonly bytes: number;
  /** The place of a client that may have to wait. @param bytes - size of its request */
  placeFor(client: Socket, bytes: number): Place;
  /** Ends all waiting. */
  close(): void;
}

/** A client's place in a queue. */
export interface Place {
  /**
   * Waits until a target of the product may be up. A client that tries again only because it has waited longest keeps its place meanwhile: others
   * that come must not push it out.
   *
   * @param deadline - when to give up, in time of `performance.now()`
   */
  wait(what: WaitFor, deadline: number): Promise<HoldEnd>;
  /** The client waits no more. */
  leave(): void;
}

/** Options of the queues. */
export interface HoldOptions {
  readonly limits: Config['hold'];
  readonly connectTimeoutMs: number;
  /** Whether a target is known not to respond, although it can be connected to. */
  readonly isSilent: (member: Member) => boolean;
  /** Called with a target that was found to be up. */
  readonly onUp: (member: Member) => void;
}

/** Between two looks for a target, in milliseconds. */
const lookMs = 200;

/** How many clients are served at a time when a target is up, each `lookMs / 10`, so that it is not overrun. */
const batch = 200;

/** Opens the queues of an agent. */
export function createHold(options: HoldOptions): Hold {
  return new Queues(options);
}

/** A client in a queue. */
export interface Waiter {
  readonly members: readonly Member[];
  readonly client: Socket;
  readonly deadline: number;
  end(how: HoldEnd): void;
  /** Has it try again, and keeps its place. */
  tryOnce(): void;
}

class Queues implements Hold {
  readonly #options: HoldOptions;
  readonly #queues = new Map<Product, Set<Waiter>>();
  waiting = 0;
  bytes = 0;
  #looking: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  placeFor(client: Socket, bytes: number): Place {
    let isTaken = false;
    const leave = (): void => {
      if (!isTaken) return;
      isTaken = false;
      this.waiting--;
      this.bytes -= bytes;
    };
    const take = (): boolean => {
      const { maxWaiting, maxBytes } = this.#options.limits;
      if (isTaken) return true;
      if (this.waiting >= maxWaiting || this.bytes + bytes > maxBytes) return false;
      isTaken = true;
      this.waiting++;
      this.bytes += bytes;
      return true;
    };
    return {
      leave,
      wait: (what, deadline) => {
        if (this.#closed) return Promise.resolve('stopped');
        if (!take()) return Promise.resolve('full');
        return client.destroyed ? Promise.resolve('gone') : this.#wait(what, client, deadline, leave);
      },
    };
  }

  #wait({ product, members }: WaitFor, client: Socket, deadline: number, leave: () => void): Promise<HoldEnd> {
    return new Promise((resolve) => {
      const queue = this.#queueOf(product);
      const onGone = (): void => waiter.end('gone');
      const remove = (): boolean => {
        if (!queue.delete(waiter)) return false;
        if (queue.size === 0) this.#queues.delete(product);
        client.off('close', onGone);
        return true;
      };
      const waiter: Waiter = {
        members,
        client,
        deadline,
        end(how) {
          if (!remove()) return;
          leave();
          resolve(how);
        },
        tryOnce() {
          if (remove()) resolve('try');
        },
      };
      queue.add(waiter);
      client.once('close', onGone);
      this.#looking ??= setTimeout(() => this.#look(), lookMs);
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#looking);
    for (const queue of [...this.#queues.values()]) for (const waiter of [...queue]) waiter.end('stopped');
  }

  #queueOf(product: Product): Set<Waiter> {
    let queue = this.#queues.get(product);
    if (queue === undefined) {
      queue = new Set();
      this.#queues.set(product, queue);
    }
    return queue;
  }

  async #look(): Promise<void> {
    const now = performance.now();
    for (const queue of this.#queues.values()) endOverdue(queue, now);
    await Promise.all([...this.#queues].map(([product, queue]) => this.#lookFor(product, queue)));
    this.#looking = this.#queues.size === 0 || this.#closed ? undefined : setTimeout(() => this.#look(), lookMs);
  }

  async #lookFor(product: Product, queue: Set<Waiter>): Promise<void> {
    if (await this.#knockAll(product, queue)) return;
    // No target is up: the client that has waited longest asks the router again, which may name other targets by now.
    const [first] = queue;
    first?.tryOnce();
  }

  /** Knocks at all targets that clients wait for, and serves at once those whose target is up. @returns whether any is up */
  async #knockAll(product: Product, queue: Set<Waiter>): Promise<boolean> {
    const { connectTimeoutMs, isSilent, onUp } = this.#options;
    const { current } = product;
    let found = false;
    await Promise.all(
      targetsOf(current, queue).map(async (member) => {
        if (isSilent(member) || (await knock(member.target, connectTimeoutMs)) !== undefined) return;
        found = true;
        onUp(member);
        await endInBatches(waitersFor(member, current, queue));
      }),
    );
    return found;
  }
}

/** Ends waiting for clients that have gone, or whose time is over. */
function endOverdue(queue: ReadonlySet<Waiter>, now: number): void {
  for (const waiter of queue) {
    if (hasEnded(waiter.client)) waiter.end('gone');
    else if (waiter.deadline <= now) waiter.end('expired');
  }
}

/** The targets that may serve one of these clients, without those that take no new clients. */
export function targetsOf(current: readonly Member[], queue: Iterable<Pick<Waiter, 'members'>>): Member[] {
  // A client with an older list may find its target in the current one.
  const lists = new Set([current, ...Array.from(queue, ({ members }) => members)]);
  const members = new Set([...lists].flat());
  const now = performance.now();
  return [...members].filter(
    ({ notReady, drainsUntil, target }) => notReady === undefined && !(drainsUntil > now) && target.weight !== 0,
  );
}

/** The clients that a target which is up may serve: those that wait for it, and those with an older list if it is in the current one. */
export function waitersFor<T extends Pick<Waiter, 'members'>>(
  member: Member,
  current: readonly Member[],
  queue: Iterable<T>,
): T[] {
  const isCurrent = current.includes(member);
  return [...queue].filter(({ members }) => members.includes(member) || (isCurrent && members !== current));
}

async function endInBatches(waiters: readonly Waiter[]): Promise<void> {
  for (let start = 0; start < waiters.length; start += batch) {
    if (start > 0) await new Promise((resolve) => setTimeout(resolve, lookMs / 10));
    for (const waiter of waiters.slice(start, start + batch)) waiter.end('try');
  }
}
