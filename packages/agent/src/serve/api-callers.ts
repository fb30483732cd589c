import { type Config, createKeyFinder, failed, isForApi, type Result, readApiKey } from '@gopush/contract';
import type { HookSet } from '../hooks/hook-set.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import { type Destination, pathFor } from '../route/locate.ts';
import { sourceOf } from '../route/source-of.ts';

/** Lets back ends that have an API key reach the HTTP API of the built-in push-servers without being a user. */
export interface ApiCallers {
  /**
   * Whether a request has one of the project's API keys and asks the API of the built-in push-servers. No hook is asked who it is from then, and
   * it goes on without an identity. Any other key gets no such way past the hooks.
   */
  isCaller(request: AgentRequest, destination: Destination, hooks: HookSet): boolean;
  /** What a request is told that the hooks know no user of: at the API that it needs a key, or that its key is wrong. */
  explain(request: AgentRequest, destination: Destination, hooks: HookSet, unknown: Result<never>): Result<never>;
}

export function createApiCallers({ keys }: Config['api']): ApiCallers {
  const find = createKeyFinder(keys);
  const asksApi = ({ url = '/' }: AgentRequest, destination: Destination, hooks: HookSet): boolean =>
    keys.length > 0 && isForApi(pathFor(destination.entry, url)) && isBuiltIn(destination, hooks);
  return {
    isCaller(request, destination, hooks) {
      if (!asksApi(request, destination, hooks)) return false;
      const key = readApiKey(request.headers);
      return key !== undefined && find(key) !== undefined;
    },
    explain(request, destination, hooks, unknown) {
      if (unknown.ok || unknown.failure.code !== 'uid_missing' || !asksApi(request, destination, hooks)) return unknown;
      return failed(readApiKey(request.headers) === undefined ? 'api_key_missing' : 'api_key_unknown');
    },
  };
}

/** Whether the product of a request is served by the built-in push-servers; one that no router names is refused later. */
function isBuiltIn(destination: Destination, hooks: HookSet): boolean {
  const source = sourceOf(destination, hooks);
  return source === undefined || source.from.kind === 'built-in';
}
