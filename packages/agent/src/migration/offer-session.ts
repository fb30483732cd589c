import { Socket } from 'node:net';
import { type Result, sessionTokenHeader } from '@gopush/contract';
import { maxEarlyBytes } from '@gopush/hand-off';
import type { HandOff } from '../hand-off/hand-off.ts';
import { HandedClient } from '../hand-off/handed-client.ts';
import { type OfferResponse, offerUpgrade } from '../hand-off/offer-upgrade.ts';
import { fitsRecord, writeOpenedAt, writeRecord } from '../hand-off/record.ts';
import type { Member } from '../route/fleet.ts';
import { headerOf } from '../wire/response-head.ts';
import type { Abandonment } from './abandonment.ts';
import type { SessionMigration } from './session-migration.ts';
import { readSkip } from './take-response.ts';

/** Longest beginning of an event that goes along: the client's socket may have read some more, which it keeps until then. */
const maxHeldBytes = maxEarlyBytes - 256 * 1_024;

/** One attempt to give a session to a target by handing its client over. */
export interface SessionOffer {
  readonly migration: SessionMigration;
  readonly member: Member;
  /** The request to take the session. */
  readonly request: string;
  readonly timeoutMs: number;
  readonly abandoned: Abandonment;
}

/**
 * Offers a client that waits for its next target to one on this machine.
 *
 * @returns `undefined` if it cannot be handed over: the session needs a tunnel there
 */
export async function offerSession(
  handOff: HandOff | undefined,
  { migration, member, request, timeoutMs, abandoned }: SessionOffer,
): Promise<Result<OfferResponse> | undefined> {
  const { tunnel, request: own } = migration;
  const { socket: client } = tunnel.client;
  const { id, address, uid, product: name, peer } = tunnel.info;
  // Without an address of its own the connection stops counting with this socket.
  if (handOff === undefined || peer === undefined || !canLeave(client) || !fitsRecord(own)) return undefined;
  if (migration.halfSent.bytes > maxHeldBytes) return undefined;
  const { target, product } = member;
  const giver = await handOff.giverTo(target);
  // It may have changed while that was waited for.
  if (giver === undefined || !canLeave(client)) return undefined;
  const migrations = tunnel.migrations + 1;
  const routed = { id, address, uid, product: name, peer, route: product.name, target: target.name, migrations };
  return offerUpgrade(giver, handOff, {
    client,
    kind: 'session',
    target,
    request,
    record: { ...routed, ...own },
    timeoutMs,
    abandoned,
  });
}

/** Whether the descriptor of a client carries its stream, and nothing waits in this process to be written to it. */
function canLeave(client: Socket): boolean {
  return (client.constructor as unknown) === Socket && client.writableLength === 0 && !client.destroyed;
}

/**
 * Hands a client over to the target that has taken its session.
 *
 * @returns whether the session continues there; otherwise the connection has ended
 */
export async function handSessionOver(
  handOff: HandOff,
  migration: SessionMigration,
  { offered, head, record: known }: OfferResponse,
  member: Member,
): Promise<boolean> {
  const { tunnel } = migration;
  const { bytesInBefore, bytesOutBefore } = tunnel.info;
  const token = headerOf(head, sessionTokenHeader) || undefined;
  const before = { token: migration.token, positions: migration.positions };
  const opened = writeOpenedAt(tunnel.openedAt);
  const record = { ...known, token, before, cannotMigrate: undefined, ...opened, bytesInBefore, bytesOutBefore };
  const early = Buffer.concat(migration.release());
  tunnel.beginHandOver();
  const user = new HandedClient(member, record);
  const outcome = await offered.accept({ user, record: writeRecord(record), early, skipFrames: readSkip(head) });
  if (!outcome.ok) {
    tunnel.endHandOver(outcome.cause === 'lost' ? 'target reset' : 'client closed');
    return false;
  }
  handOff.clients.add(outcome.value, record);
  tunnel.endHandOver(undefined);
  return true;
}
