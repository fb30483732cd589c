import { canMigrateHeader, stickyHeader } from '@gopush/contract';
import type { Exchange } from '../../route/exchange.ts';
import type { Member } from '../../route/fleet.ts';
import type { Route } from '../../route/route.ts';
import { stickySignatureFor } from '../../route/sticky.ts';
import { writeHeaders, writeHost, writeRequestHead } from '../../wire/write-head.ts';
import type { AgentContext } from '../agent-context.ts';
import { upgradeHeaders } from './upgrade-headers.ts';

/** An upgrade request as one target gets it. */
export interface UpgradeRequest {
  readonly text: string;
  /** Lines of the headers that are the same for each target. */
  readonly headers: string;
  /** A `Set-Cookie` for the client, if one keeps it at its target. */
  readonly cookie: string | undefined;
}

const canMigrate = [canMigrateHeader, '1'] as const;

/** The upgrade request for a target. Written again for each target, because signatures expire and the client may have waited. */
export function writeUpgradeRequest(
  exchange: Exchange,
  { identity, path }: Route,
  member: Member,
  { config, headers, signatures }: AgentContext,
): UpgradeRequest {
  const { target } = member;
  const signature = stickySignatureFor(exchange, identity, member, signatures);
  const ofRequest = writeHeaders([...headers.ofRequest(exchange), ...upgradeHeaders]);
  const ofIdentity = headers.ofIdentity(identity, exchange.origin.id, target);
  const sticky = signature?.header === undefined ? [] : [stickyHeader, signature.header];
  const more = writeHeaders([...ofIdentity, ...sticky, ...(config.seamless.enabled ? canMigrate : [])]);
  const text = writeRequestHead('GET', path, writeHost(ofRequest, target) + more);
  return { text, headers: ofRequest, cookie: signature?.cookie };
}
