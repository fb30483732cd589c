import { type Config, createKeyFinder, failed, isForApi, type Result, readApiKey } from '@gopush/contract';
import { sourceOf } from '../route/destination.ts';
import type { Exchange } from '../route/exchange.ts';
import { pathFor } from '../route/locate.ts';

/** Lets back ends that have an API key reach the HTTP API of the built-in push-servers without being a user. */
export interface ApiCallers {
  /**
   * Whether a request has one of the project's API keys and is for the API of the built-in push-servers. Then no hook identifies its client, and it
   * is forwarded without an identity. A request with any other key has to pass the hooks.
   */
  isCaller(exchange: Exchange): boolean;
  /** The failure of a request whose client the hooks do not identify: at the API, that it needs a key, or that its key is wrong. */
  explain(exchange: Exchange, unknown: Result<never>): Result<never>;
}

export function createApiCallers({ keys }: Config['api']): ApiCallers {
  const find = createKeyFinder(keys);
  const isForOurApi = ({ request: { url = '/' }, destination, hooks }: Exchange): boolean =>
    keys.length > 0 && isForApi(pathFor(destination.entry, url)) && isBuiltIn({ destination, hooks });
  return {
    isCaller(exchange) {
      if (!isForOurApi(exchange)) return false;
      const key = readApiKey(exchange.request.headers);
      return key !== undefined && find(key) !== undefined;
    },
    explain(exchange, unknown) {
      if (unknown.ok || unknown.failure.code !== 'uid_missing' || !isForOurApi(exchange)) return unknown;
      return failed(readApiKey(exchange.request.headers) === undefined ? 'api_key_missing' : 'api_key_unknown');
    },
  };
}

/** Whether the product of a request is served by the built-in push-servers. An unknown product is refused later. */
function isBuiltIn({ destination, hooks }: Pick<Exchange, 'destination' | 'hooks'>): boolean {
  const source = sourceOf(destination, hooks);
  return source === undefined || source.from.kind === 'built-in';
}
