import type { Agent, AgentOptions } from '@gopush/agent';
import { followLinks } from '@gopush/service';

/**
 * Starts an agent. Its code is loaded by this call, not by the import, because hook files also import `gopush` in processes that do not need that
 * code.
 *
 * @throws HookError for a hook that cannot be used, StoreError for a store that cannot be opened (`routing.discover`), CertificateError for a
 * certificate that cannot be used, ListenError for a port that is not available, TypeError for a wrong setting
 */
export async function startAgent(options?: AgentOptions): Promise<Agent> {
  followLinks();
  const agent = await import('@gopush/agent');
  return agent.startAgent(options);
}
