import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { audienceOf, type Config, isLoopback, isUnspecified, plainAddress, pushServerAudience } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { takenBy } from '../hand-off/joined-connection.ts';
import { isAddressOfMachine } from './address-of-machine.ts';

/** The parts of a request that are checked. */
type SignedRequest = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly localAddress?: string | undefined; readonly localPort?: number | undefined };
};

/**
 * Whether the identity in the headers of a request can be believed: an agent has signed it for this push-server, or signatures are not required. For
 * one request, the first result counts.
 */
export type IdentityCheck = (request: SignedRequest) => boolean;

/**
 * Creates the check of identities. A signature for another target is refused: that target knows it, and could use it to impersonate its clients
 * here.
 *
 * The audiences of this push-server are `push-server`, as agents call those that gopush runs, the address of the request, and those in the settings.
 */
export function createIdentityCheck({ access, pushServer }: Config, log: Logger): IdentityCheck {
  const { secrets, oldSignatures } = access;
  if (secrets.length === 0) return () => true;
  const audiences: Audiences = {
    names: new Set([pushServerAudience, ...access.audiences]),
    hosts: [pushServer.host, ...(pushServer.announceHost === undefined ? [] : [pushServer.announceHost])],
    oldSignatures,
  };
  /** By the headers of the request that began a connection: a signature may expire while the connection is open. */
  const known = new WeakMap<object, boolean>();
  return (request) => {
    const before = known.get(request.headers);
    if (before !== undefined) return before;
    const audience = audienceOf(secrets, request.headers, Date.now());
    const isBelieved = audience !== undefined && isOurs(audience, request.socket, audiences);
    if (audience !== undefined && !isBelieved) warnOf(audience, request.socket, log);
    known.set(request.headers, isBelieved);
    return isBelieved;
  };
}

/** The audiences of signatures for this push-server. */
interface Audiences {
  readonly names: ReadonlySet<string>;
  /** Hosts of addresses, besides the local address of a request. */
  readonly hosts: readonly string[];
  /** Whether signatures without an audience are accepted: `access.oldSignatures`. */
  readonly oldSignatures: boolean;
}

/** Whether an audience is this push-server. */
function isOurs(
  audience: string,
  socket: SignedRequest['socket'],
  { names, hosts, oldSignatures }: Audiences,
): boolean {
  const { localAddress, localPort } = socket;
  if (names.has(audience)) return true;
  if (audience === '') return oldSignatures;
  const colon = audience.lastIndexOf(':');
  if (audience.slice(colon + 1) !== String(localPort)) return false;
  const host = audience.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const local = plainAddress(localAddress);
  if (host === local || hosts.includes(host) || (host === 'localhost' && isLoopback(local))) return true;
  // A connection that was handed over came to no address, and its agent means a process of this machine.
  return isUnspecified(takenBy(socket)?.address) && isAddressOfMachine(host);
}

/** Warns of a signature for another target. Only an agent can have made it: the settings are wrong, or the target replays it. */
function warnOf(audience: string, { localAddress, localPort }: SignedRequest['socket'], log: Logger): void {
  if (audience === '') {
    log.warn(
      `an identity is signed without an audience: is the agent older? access.oldSignatures accepts such signatures`,
    );
    return;
  }
  const us = `${isIPv6(localAddress ?? '') ? `[${localAddress}]` : localAddress}:${localPort}`;
  log.warn(
    `an identity signed for ${audience} is used at ${us}: either a target replays it, or access.audiences lacks this name of the push-server`,
  );
}
