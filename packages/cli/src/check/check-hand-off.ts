import { whyNoHandOffs } from '@gopush/agent/for-checks';
import type { Config } from '@gopush/contract';
import type { Finding } from './finding.ts';

/** Whether agents can hand connections over, if they are to: without it all works, but clients notice restarts of agents. */
export async function checkHandOff({ handOff }: Config, dir: string): Promise<Finding[]> {
  if (!handOff.enabled) return [];
  const why = await whyNoHandOffs(handOff, dir);
  if (why === undefined) return [{ what: 'hand-off', state: 'ok', detail: 'agents can hand connections over' }];
  // New projects have it on, also on systems that have no hand-offs.
  const state = process.platform === 'linux' ? 'warning' : 'ok';
  return [{ what: 'hand-off', state, detail: `agents use tunnels: ${why}` }];
}
