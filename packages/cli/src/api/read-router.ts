import type { ClusterState } from '@gopush/cluster';
import { CommandError } from '../command-error.ts';

/** The router, as an agent uses it: the response to `GET /cluster/routes`. */
export interface RouterState {
  readonly v: 1;
  /** Name of the agent. */
  readonly by: string;
  readonly routes: readonly {
    /** `null`: every host. */
    readonly host: string | null;
    /** `null`: every path. */
    readonly path: string | null;
    readonly product: string;
    readonly stripPath: boolean;
    /** `null`: the setting of the product. */
    readonly public: boolean | null;
  }[];
  readonly products: readonly {
    readonly product: string;
    readonly from: 'built-in' | 'list' | 'dns' | 'srv' | 'function';
    /** The file of the function, or the name in DNS. */
    readonly of: string | null;
    readonly choose: string;
    readonly sticky: string;
    readonly public: boolean;
    /** The targets that the router lists; `null`: others name them. */
    readonly targets: readonly string[] | null;
  }[];
  readonly leftOut: { readonly routes: number; readonly products: number };
}

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
 * Reads the router of an agent.
 *
 * @throws CommandError with exit code 1 where it is something else
 */
export function readRouter(text: string): RouterState {
  try {
    const state = JSON.parse(text) as Partial<RouterState>;
    if (state.v === 1 && Array.isArray(state.routes) && Array.isArray(state.products)) return state as RouterState;
  } catch {
    // Said below.
  }
  throw new CommandError(1, 'what the admin listener sent is no router; is it an agent of this version of gopush?');
}
