import { isIPv6 } from 'node:net';
import { type Config, isLoopback, isUnspecified } from '@gopush/contract';
import { ListenError, localAddressTo } from '@gopush/service';

/** The host at which a push-server is announced to agents. */
export interface AnnouncedHost {
  readonly host: string;
  /** Agents that cannot reach it there, in words for the log; absent: not known. */
  readonly unreachableFor?: string;
}

/**
 * Finds the host at which agents reach this push-server. If it listens on all addresses, that is the local address of its connection to Redis, as
 * agents have to reach Redis as well; without Redis all agents are on this machine.
 *
 * @param bound - the address on which it listens
 * @throws ListenError if only the settings can tell
 * @throws Error if it may be found later: the name of Redis cannot be resolved
 */
export async function findAnnouncedHost(
  { pushServer, redisAdapter }: Pick<Config, 'pushServer' | 'redisAdapter'>,
  bound: string,
): Promise<AnnouncedHost> {
  const { announceHost, host } = pushServer;
  if (announceHost !== undefined) return { host: announceHost };
  if (!isUnspecified(bound)) return withReach(host);
  if (redisAdapter === null) return { host: '127.0.0.1' };
  const { sentinels, cluster } = redisAdapter;
  const servers = sentinels ?? cluster ?? [redisAdapter];
  // A listener on 0.0.0.0 cannot be reached by IPv6; one on :: can be reached by both.
  const family = isIPv6(bound) ? 0 : 4;
  let problem: unknown;
  for (const server of servers) {
    try {
      const local = await localAddressTo(server.host, server.port, family);
      if (local !== undefined) return withReach(local);
    } catch (error) {
      problem = error;
    }
  }
  if (problem !== undefined) throw problem;
  throw new ListenError(
    `pushServer.host: found ${host}, which means all addresses, but the local address of the connection to Redis cannot be used by other machines; wanted pushServer.announceHost, the address at which agents reach this push-server (routing.discover)`,
  );
}

/** A loopback address is right if all agents are on this machine, and a mistake otherwise: this cannot be known here. */
function withReach(host: string): AnnouncedHost {
  return isLoopback(host) ? { host, unreachableFor: 'agents of other machines' } : { host };
}
