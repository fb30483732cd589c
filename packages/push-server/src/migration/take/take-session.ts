import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type Identity,
  incompletePositions,
  lastPositionsHeader,
  type NumberedPosition,
  type Position,
  readIdentity,
  readNumberedPosition,
  readPosition,
} from '@gopush/contract';
import type { HistoryStore, SessionStore } from '@gopush/store';
import type { IdentityCheck } from '../../access/identity-check.ts';
import type { RecentChanges } from '../../session/recent-changes.ts';
import { keyOfToken } from '../../stored-session/session-pointers.ts';
import { decodeSession, type SessionRecord } from '../../stored-session/session-record.ts';
import { asClientKnows } from '../client/connect-responses.ts';
import { savedSoon } from '../follow/saved-soon.ts';
import { resolvePositions } from './numbered-positions.ts';

/** What an agent asks for when it brings a client whose session ran elsewhere. */
export interface TakeRequest {
  /** Under which the session is stored. */
  readonly token: string;
  /** Of the client: the uid, after the scope of its product. */
  readonly user: string;
  /** The last positions that the agent has seen go out to the client. */
  readonly given: readonly Position[];
  /** The last positions that the dead push-server has noted, where it served the client without an agent in between. */
  readonly noted: readonly NumberedPosition[];
  /** Whether these are not all: the agent has seen more than it can keep. */
  readonly isIncomplete: boolean;
}

/** A session that this node may continue. */
export interface TakenSession {
  readonly record: SessionRecord;
  /** The last positions that the agent has seen go out to the client. */
  readonly given: readonly Position[];
  /** The token for the next push-server. */
  readonly token: string;
  /** The token with which the agent came; `undefined` where the session keeps that one. */
  readonly usedToken: string | undefined;
}

/** What reading the request of an agent needs. */
export interface TakeRequestContext {
  readonly isBelieved: IdentityCheck;
  /** The user of an identity: its uid, after the scope of its product. */
  readonly userOf: (identity: Identity) => string;
}

/** What taking a session needs. */
export interface TakeContext {
  readonly store: SessionStore;
  readonly history: Pick<HistoryStore, 'read'>;
  /** How long the copy under the next token is kept, in milliseconds. */
  readonly keepMs: number;
  /** What programs did to users of late. */
  readonly changes: Pick<RecentChanges, 'since'>;
}

/** A token by which an agent asks for a session. It cannot be guessed. */
export function newToken(): string {
  return randomBytes(18).toString('base64url');
}

/** Reads the request of an agent. @returns `undefined` where its identity cannot be believed */
export function readTakeRequest(
  request: IncomingMessage,
  token: string,
  { isBelieved, userOf }: TakeRequestContext,
): TakeRequest | undefined {
  if (!isBelieved(request)) return undefined;
  const identity = readIdentity(request.headers, {});
  if (!identity.ok) return undefined;
  const positions = String(request.headers[lastPositionsHeader] ?? '').split(',');
  return {
    token,
    user: userOf(identity.value),
    given: positions.flatMap((position) => readPosition(position) ?? []),
    noted: positions.flatMap((position) => readNumberedPosition(position) ?? []),
    isIncomplete: positions.includes(incompletePositions),
  };
}

/**
 * Takes a session: reads it and saves a copy under the next token. It is not removed, and not this node's before its
 * client is heard here. Should this node crash before that, the agent asks another one, with either token.
 *
 * @returns `undefined` where the client has to begin a new session
 * @throws Error where the store cannot be read
 */
export async function takeSession(request: TakeRequest, context: TakeContext): Promise<TakenSession | undefined> {
  const { store, history, keepMs, changes } = context;
  const { token } = request;
  const bytes = await store.read(keyOfToken(token));
  const kept = bytes && decodeSession(bytes);
  const noted = kept && (await resolvePositions(request.noted, kept, history));
  const given = [...request.given, ...(noted ?? [])];
  const isIncomplete = request.isIncomplete || noted === undefined;
  const record = kept && sessionFor({ ...request, given, isIncomplete }, kept, changes);
  if (bytes === undefined || record === undefined) return undefined;
  const next = newToken();
  const isSaved = await savedSoon(store.save(keyOfToken(next), bytes, keepMs));
  // A store that can be read but not written: the session keeps its token.
  return isSaved ? { record, given, token: next, usedToken: token } : { record, given, token, usedToken: undefined };
}

/**
 * The session with which the client of a request can continue. A token is of use to its own user alone, even in other
 * hands, and trying it there does not use it up. A user whom a program disconnected meanwhile begins a new session,
 * about which the server hook is asked.
 */
export function sessionFor(
  { user, given, isIncomplete }: Pick<TakeRequest, 'user' | 'given' | 'isIncomplete'>,
  kept: SessionRecord,
  changes: Pick<RecentChanges, 'since'>,
): SessionRecord | undefined {
  const { uid, at = 0, isExact } = kept;
  if (uid !== user || changes.since(user, at).ended) return undefined;
  // Nothing tells what the client was given.
  if (!isExact && isIncomplete) return undefined;
  return asClientKnows(kept, given);
}
