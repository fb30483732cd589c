import { randomBytes } from 'node:crypto';
import { StoreError } from './store-error.ts';

/**
 * The incarnations of this process's nodes. Entries of a node are stored under its incarnation at that time. So a sweeper that removes an
 * expired incarnation cannot remove the entries of the same node after it was slow, or was restarted.
 */
export interface Incarnations {
  /** A name for the next incarnation. */
  next(node: string): string;
  /** Notes that a lease was begun or renewed; `until` is in the time of `performance.now()`, measured before the request. */
  holds(node: string, life: string, until: number): void;
  /** The latest incarnation; `undefined` before the first lease. */
  find(node: string): string | undefined;
  /** @throws StoreError `no_lease` without a valid lease: entries written without one would never be swept */
  of(node: string): string;
}

export function createIncarnations(): Incarnations {
  const lives = new Map<string, { readonly life: string; readonly until: number }>();
  return {
    next: (node) => `${node}#${randomBytes(9).toString('base64url')}`,
    holds: (node, life, until) => void lives.set(node, { life, until }),
    find: (node) => lives.get(node)?.life,
    of(node) {
      const held = lives.get(node);
      if (held === undefined || held.until <= performance.now()) {
        throw new StoreError('no_lease', `${node} has no current lease: call beat first`);
      }
      return held.life;
    },
  };
}

/** The node of an incarnation. */
export function nodeOf(life: string): string {
  return life.slice(0, life.lastIndexOf('#'));
}
