import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  canMigrateHeader,
  type Identity,
  incompletePositions,
  keepsTokenBefore,
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

/** The request of an agent that brings a client whose session ran elsewhere. */
export interface TakeRequest {
  /** Under which the session is stored. */
  readonly token: string;
  /** Of the client: the uid, after the scope of its product. */
  readonly user: string;
  /** The last positions that the agent has seen go out to the client. */
  readonly given: readonly Position[];
  /** The last positions that the dead push-server has noted, if it served the client without an agent in between. */
  readonly noted: readonly NumberedPosition[];
  /** Whether these are not all: the agent has seen more than it can keep. */
  readonly isIncomplete: boolean;
  /** Whether the agent keeps the token, and asks with it if no node knows the next one. */
  readonly keepsToken: boolean;
}

/** A session that this node may continue. */
export interface TakenSession {
  readonly record: SessionRecord;
  /** The last positions that the agent has seen go out to the client. */
  readonly given: readonly Position[];
  /** The token for the next push-server. */
  readonly token: string;
  /** The token with which the agent came; `undefined` if the session keeps that one. */
  readonly usedToken: string | undefined;
  /**
   * Resolves when it is stored under the token for the next push-server: with `false` if that failed. Until then its client must not continue.
   * `undefined`: it need not wait.
   */
  readonly saved: Promise<boolean> | undefined;
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
  readonly nextCopies: NextCopies;
  /** What programs did to users of late. */
  readonly changes: Pick<RecentChanges, 'since'>;
}

/**
 * Stores sessions that are being taken under their next tokens. While the store is swift nothing waits for that but the client, and sessions that are
 * taken together are stored together.
 */
export class NextCopies {
  readonly #store: Pick<SessionStore, 'save'>;
  readonly #keepMs: number;
  /** Whether the last one was stored soon. */
  #isSwift = false;

  /** @param keepMs - how long a copy is kept, in milliseconds */
  constructor(store: Pick<SessionStore, 'save'>, keepMs: number) {
    this.#store = store;
    this.#keepMs = keepMs;
  }

  /** @returns the next token; `undefined` if the store cannot be written, or takes long: the session keeps its token */
  async save(bytes: Buffer): Promise<Pick<TakenSession, 'token' | 'saved'> | undefined> {
    const token = newToken();
    const saving = this.#store.save(keyOfToken(token), bytes, this.#keepMs);
    const saved = saving.then(yes, no);
    const soon = savedSoon(saving).then((isSaved) => {
      this.#isSwift = isSaved;
      return isSaved;
    });
    if (this.#isSwift || (await soon)) return { token, saved };
    return undefined;
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;

const tokenBytes = 18;

/** Random bytes for the next tokens: one call of the system's generator costs more than the bytes of a token. */
let pool = Buffer.alloc(0);
let used = 0;

/** A token by which an agent asks for a session. It cannot be guessed. */
export function newToken(): string {
  if (used === pool.length) {
    pool = randomBytes(tokenBytes * 64);
    used = 0;
  }
  used += tokenBytes;
  return pool.toString('base64url', used - tokenBytes, used);
}

/** Reads the request of an agent. @returns `undefined` if its identity cannot be believed */
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
    keepsToken: request.headers[canMigrateHeader] === keepsTokenBefore,
  };
}

/**
 * Takes a session: reads it and, for an agent that forgets the token, saves a copy under the next one. The stored session is not removed, and does
 * not belong to this node until its client is heard here. If this node crashes before that, the agent asks another node, with either token.
 *
 * @returns `undefined` if the client has to begin a new session
 * @throws Error if the store cannot be read
 */
export async function takeSession(request: TakeRequest, context: TakeContext): Promise<TakenSession | undefined> {
  const { store, history, nextCopies, changes } = context;
  const { token } = request;
  const bytes = await store.read(keyOfToken(token));
  const kept = bytes && decodeSession(bytes);
  // The record of a session that was stored at its end contains all that the client has had.
  const noted = kept?.isExact ? [] : kept && (await resolvePositions(request.noted, kept, history));
  const given = [...request.given, ...(noted ?? [])];
  const isIncomplete = request.isIncomplete || noted === undefined;
  const record = kept && sessionFor({ ...request, given, isIncomplete }, kept, changes);
  if (bytes === undefined || record === undefined) return undefined;
  if (request.keepsToken) return { record, given, token: newToken(), usedToken: token, saved: undefined };
  const next = await nextCopies.save(bytes);
  return next === undefined
    ? { record, given, token, usedToken: undefined, saved: undefined }
    : { record, given, ...next, usedToken: token };
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
  // Nothing shows which messages the client was given.
  if (!isExact && isIncomplete) return undefined;
  return asClientKnows(kept, given);
}
