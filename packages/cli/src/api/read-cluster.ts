import type { ClusterState } from '@gopush/cluster';
import { CommandError } from '../command-error.ts';

/** The version that is understood. */
const version = 1;

/**
 * Reads the state of a cluster.
 *
 * @throws CommandError with exit code 1 if it is something else
 */
export function readCluster(text: string): ClusterState {
  const state = parse(text) as Partial<ClusterState> | null | undefined;
  const lists = [state?.nodes, state?.products, state?.rooms, state?.problems, state?.refusals, state?.fallbacks];
  if (state?.v === version && lists.every(Array.isArray)) return state as ClusterState;
  const found = typeof state?.v === 'number' && state.v !== version ? `version ${state.v}` : 'something else';
  throw new CommandError(
    1,
    `the response of the admin listener is not a cluster: found ${found}, wanted version ${version}; is it a listener of this version of gopush?`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
