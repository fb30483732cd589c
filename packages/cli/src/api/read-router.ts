import type { ClusterState, RouterState } from '@gopush/cluster';
import { CommandError } from '../command-error.ts';

/** A target, as the agents of the cluster see it. */
export type SeenTarget = Pick<
  ClusterState['products'][number]['targets'][number],
  'target' | 'states' | 'why' | 'connections'
>;

/** What `gopush routes` prints: the products of the router, with their targets. */
export interface SeenRoutes extends Omit<RouterState, 'products'> {
  readonly products: readonly (Omit<RouterState['products'][number], 'targets'> & {
    readonly targets: readonly SeenTarget[];
  })[];
}

/**
 * Reads a router.
 *
 * @throws CommandError with exit code 1 if it is something else
 */
export function readRouter(text: string): RouterState {
  try {
    const state = JSON.parse(text) as Partial<RouterState>;
    if (state.v === 1 && Array.isArray(state.routes) && Array.isArray(state.products)) return state as RouterState;
  } catch {
    // Said below.
  }
  throw new CommandError(
    1,
    'the response of the admin listener is not a router; is it a listener of this version of gopush?',
  );
}
