import { randomBytes } from 'node:crypto';
import { StoreError } from './store-error.ts';

/**
 * The lives of this process's nodes. What a node says is kept under the life it had then: a sweeper that removes a life that has ended
 * cannot remove what the node, which was only slow or was started again, says in its next one.
 */
export interface Incarnations {
  /** A name for a next life. */
  next(node: string): string;
  /** A lease was begun or renewed; `until` as `performance.now()` counts, taken before it was asked for. */
  holds(node: string, life: string, until: number): void;
  /** The latest life, or `undefined` before the first lease. */
  find(node: string): string | undefined;
  /** @throws StoreError `no_lease` without a lease that runs: what is said without one would never be swept */
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

/** The node of a life. */
export function nodeOf(life: string): string {
  return life.slice(0, life.lastIndexOf('#'));
}
