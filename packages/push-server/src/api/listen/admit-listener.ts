import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Failure, failed, type Result, readApiKey, readIdentity, success, uidHeader } from '@gopush/contract';
import type { AddressOf } from '../../access/client-address.ts';
import type { IdentityCheck } from '../../access/identity-check.ts';
import type { Rules } from '../../hook/rules.ts';
import type { ServerClient } from '../../hook/server-hook.ts';
import type { Scope, ScopeOf } from '../../rooms/names/product-scope.ts';
import { roomOfClients, roomOfUser } from '../../rooms/names/room-names.ts';
import { check } from '../request/check.ts';
import type { KeyHolder, KeyRing } from '../request/keys.ts';
import { productOf, readQuery } from '../request/read-query.ts';
import { listenQuery, maxHeard } from './listen-query.ts';
import type { Listening } from './listener.ts';

/** What letting listeners in needs. */
export interface AdmitOptions {
  readonly keys: KeyRing;
  readonly rules: Rules;
  readonly addressOf: AddressOf;
  readonly scopeOf: ScopeOf;
  readonly isBelieved: IdentityCheck;
}

/** A listener that may begin. */
export interface Admitted extends Listening {
  /** With an identity: the client, as the server hook sees it. */
  readonly client: ServerClient | undefined;
  readonly lastEventId: string | undefined;
}

/** Refused, and when it may be tried again, in seconds. */
export type Admission =
  | Result<Admitted>
  | { readonly ok: false; readonly failure: Failure; readonly retryAfter: number };

/** Decides whether someone may listen: by a key to anything, by an identity to the own user and to rooms that the server hook allows. */
export async function admitListener(
  request: IncomingMessage,
  query: URLSearchParams,
  options: AdmitOptions,
): Promise<Admission> {
  const values = readQuery(query, listenQuery);
  const asked = values.ok ? readAsked(values.value, request.headers['last-event-id']) : values;
  const id = randomBytes(15).toString('base64url');
  const { headers } = request;
  if (readApiKey(headers) === undefined) return admitByIdentity(id, request, query, asked, options);
  const holder = options.keys.find(headers);
  if (holder.ok) return admitByKey(id, holder.value, query, asked, options);
  // A token by which the agent's hook has recognized the user.
  const isToken = headers['x-api-key'] === undefined && headers[uidHeader] !== undefined;
  return isToken ? admitByIdentity(id, request, query, asked, options) : holder;
}

function admitByKey(
  id: string,
  holder: KeyHolder,
  query: URLSearchParams,
  asked: Result<AskedFor>,
  { scopeOf }: AdmitOptions,
): Admission {
  const retryAfter = holder.take();
  if (retryAfter > 0) return { ok: false, failure: { code: 'too_many_requests' }, retryAfter };
  if (!holder.scopes.has('read')) return failed('api_scope_missing');
  if (!asked.ok) return asked;
  const { rooms, users, lastEventId } = asked.value;
  if (rooms.length + users.length === 0) return failed('payload_invalid', 'room: wanted a room or a user');
  const product = productOf(query);
  if (!product.ok) return product;
  if (!holder.mayUse(product.value)) return failed('api_scope_missing', 'the key is for other products');
  const scope = scopeOf(product.value);
  return success({ id, user: undefined, client: undefined, lastEventId, rooms: namesOf(scope, rooms, users) });
}

async function admitByIdentity(
  id: string,
  request: IncomingMessage,
  query: URLSearchParams,
  asked: Result<AskedFor>,
  options: AdmitOptions,
): Promise<Admission> {
  const { rules, scopeOf } = options;
  const client = readClient(id, request, query, options);
  if (!client.ok) return client;
  if (!asked.ok) return asked;
  const { uid } = client.value;
  const { rooms, users, lastEventId } = asked.value;
  if (users.some((user) => user !== uid)) return failed('join_refused', 'an identity may listen only to its own user');
  const mayConnect = rules.has('onConnect') ? await rules.mayConnect(client.value) : allowed;
  if (!mayConnect.ok) return mayConnect;
  const mayJoin = rules.has('canJoin') ? rooms.map((room) => rules.mayJoin(client.value, room)) : [];
  const refused = (await Promise.all(mayJoin)).find((verdict) => !verdict.ok);
  if (refused?.ok === false) return refused;
  const own = users.length > 0 || rooms.length === 0 ? [uid] : [];
  const scope = scopeOf(client.value.product);
  return success({
    id,
    user: scope + uid,
    client: client.value,
    lastEventId,
    rooms: namesOf(scope, rooms, own),
  });
}

const allowed: Result<void> = success(undefined);

interface AskedFor {
  readonly rooms: readonly string[];
  readonly users: readonly string[];
  readonly lastEventId: string | undefined;
}

function readAsked(values: Record<string, unknown>, header: string | string[] | undefined): Result<AskedFor> {
  const asked = check(listenQuery, values, 'query');
  if (!asked.ok) return asked;
  const [rooms, users] = [[...new Set(asked.value.room)], [...new Set(asked.value.user)]];
  if (rooms.length + users.length > maxHeard) {
    return failed('payload_invalid', `room: wanted at most ${maxHeard} rooms and users`);
  }
  const lastEventId = typeof header === 'string' && header !== '' ? header : asked.value.lastEventId;
  return success({ rooms, users, lastEventId });
}

function namesOf(scope: Scope, rooms: readonly string[], users: readonly string[]): string[] {
  return [...users.map((user) => roomOfUser(scope + user)), ...rooms.map((room) => roomOfClients(room, scope))];
}

/** The client that an agent says it is. A `uid` in the query alone is nobody's word. */
function readClient(
  id: string,
  request: IncomingMessage,
  query: URLSearchParams,
  { isBelieved, addressOf }: AdmitOptions,
): Result<ServerClient> {
  const { headers, socket } = request;
  if (headers[uidHeader] === undefined) return failed('api_key_missing');
  if (!isBelieved(request)) return failed('identity_unsigned');
  const identity = readIdentity(headers, {});
  if (!identity.ok) return identity;
  const parameters: Record<string, string | undefined> = Object.create(null);
  for (const [name, value] of query) parameters[name] ??= value;
  const address = addressOf(headers, socket.remoteAddress ?? '');
  return success({ id, ...identity.value, address, data: {}, headers, query: parameters, auth: {} });
}
