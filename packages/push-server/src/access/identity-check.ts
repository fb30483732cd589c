import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { audienceOf, type Config, isLoopback, plainAddress, pushServerAudience } from '@gopush/contract';
import type { Logger } from '@gopush/service';

/** What is looked at of a request. */
type Asking = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly localAddress?: string | undefined; readonly localPort?: number | undefined };
};

/**
 * Says whether an identity may be believed: an agent has signed it for this push-server, or none need be signed. Of one request the answer stays
 * what it was when it was first asked for.
 */
export type IdentityCheck = (request: Asking) => boolean;

/**
 * Prepares the check of signatures. One for another target is worth nothing here: whoever runs that has it, and would act as its clients.
 *
 * This push-server is `push-server`, as agents call those that gopush runs, the address at which it was asked, and what the settings say.
 */
export function createIdentityCheck({ access, pushServer }: Config, log: Logger): IdentityCheck {
  const { secrets, oldSignatures } = access;
  if (secrets.length === 0) return () => true;
  const audiences = new Set([pushServerAudience, ...access.audiences]);
  const hosts = [pushServer.host, ...(pushServer.announceHost === undefined ? [] : [pushServer.announceHost])];

  function isUs(audience: string, { localAddress, localPort }: Asking['socket']): boolean {
    if (audiences.has(audience)) return true;
    if (audience === '') return oldSignatures;
    const colon = audience.lastIndexOf(':');
    if (audience.slice(colon + 1) !== String(localPort)) return false;
    const host = audience.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
    const local = plainAddress(localAddress);
    return host === local || hosts.includes(host) || (host === 'localhost' && isLoopback(local));
  }

  /** By the headers of a request, which stay those of the connection that it began: a signature may expire while that is open. */
  const known = new WeakMap<object, boolean>();

  function check({ headers, socket }: Asking): boolean {
    const audience = audienceOf(secrets, headers, Date.now());
    if (audience === undefined) return false;
    if (isUs(audience, socket)) return true;
    // Only an agent can have signed it, so this is either a mistake in the settings or somebody who uses what it was given.
    const us = `${isIPv6(socket.localAddress ?? '') ? `[${socket.localAddress}]` : socket.localAddress}:${socket.localPort}`;
    if (audience === '')
      log.warn(
        `an identity is signed without an audience: is the agent older? access.oldSignatures accepts such signatures`,
      );
    else {
      log.warn(
        `an identity signed for ${audience} is used at ${us}: either a target replays it, or access.audiences lacks this name of the push-server`,
      );
    }
    return false;
  }

  return (request) => {
    const before = known.get(request.headers);
    if (before !== undefined) return before;
    const isBelieved = check(request);
    known.set(request.headers, isBelieved);
    return isBelieved;
  };
}
