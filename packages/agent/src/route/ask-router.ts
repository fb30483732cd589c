import { Socket } from 'node:net';
import { type Config, createTarget, createTrust, failures, type Target } from '@gopush/contract';
import { describeThrown, type HookLocation, loadHooks } from '@gopush/hooks';
import { silentLogger } from '@gopush/service';
import { policyOf } from '../hooks/hook-set.ts';
import { hookSource } from '../hooks/hook-source.ts';
import { recallRequest } from '../request/agent-request.ts';
import { clientKey } from './client-key.ts';
import { type ExplainedChoice, explainChoice } from './explain-choice.ts';
import { createFleet } from './fleet.ts';
import { membersFor } from './resolve.ts';
import { createSources } from './sources.ts';

/** The client whose request a router is asked for. */
export interface RouterClient {
  /** Empty: an anonymous one. */
  readonly uid: string;
  readonly product: string;
  /** Path and query of the request. */
  readonly path: string;
  /** Lines of headers, as a client sends them. */
  readonly headers: readonly string[];
  /** Its address; empty: not known. */
  readonly ip: string;
}

/** The push-servers, if a function leads to them. */
interface PushServer {
  readonly target: string;
  readonly weight: number;
}

/** Which router is asked, for whom. */
export interface AskedRouter {
  readonly location: HookLocation;
  readonly config: Config;
  readonly client: RouterClient;
  readonly pushServers: readonly PushServer[];
}

/**
 * Calls the function of a router for a client, as an agent does for each request, and explains which target the client would get. Loads and health
 * of targets are not known here.
 *
 * @returns the choice, or a sentence with the failure that the client would get
 * @throws HookError for hooks that cannot be loaded
 */
export async function askRouter({
  location,
  config,
  client,
  pushServers,
}: AskedRouter): Promise<ExplainedChoice | string> {
  const { uid, product: name, path, headers, ip } = client;
  const { value: hooks } = await loadHooks(hookSource(location, policyOf(config)));
  const source = hooks.products.get(name) ?? hooks.otherProducts;
  if (source?.from.kind !== 'function') return `the router of this project names no function for ${name}`;
  const fleet = createFleet(config.health, () => {});
  const builtIn = pushServers.map(
    ({ target, weight }): Target => ({ ...createTarget(target, 0, weight), name: target }),
  );
  const sources = createSources({
    builtIn: { current: () => builtIn },
    dnsServers: config.routing.dnsServers,
    allows: config.access.allowedTargets.length === 0 ? undefined : createTrust(config.access.allowedTargets),
    log: silentLogger,
  });
  try {
    const members = await membersFor(hooks, { product: name, uid }, () => requestFrom(ip, path, headers), {
      hookTimeoutMs: config.hooks.timeoutMs,
      sources,
      fleet,
    });
    if (!members.ok) {
      const { code, detail = failures[code].message, cause } = members.failure;
      return `${code}: ${detail}${cause === undefined ? '' : `: ${describeThrown(cause)}`}`;
    }
    const product = fleet.product(source.product, source.policy, true);
    return explainChoice(product, 'function', { key: clientKey(uid, ip), now: performance.now(), slowStartMs: 0 });
  } finally {
    fleet.close();
  }
}

/** A request that looks as if it had come from an address. */
function requestFrom(ip: string, path: string, headers: readonly string[]) {
  const socket = new Socket();
  if (ip !== '') Object.defineProperty(socket, 'remoteAddress', { value: ip });
  return recallRequest(socket, ip, path, headers.join('\r\n'));
}
