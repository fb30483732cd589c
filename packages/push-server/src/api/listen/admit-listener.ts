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
import { listenQuery, maxListened } from './listen-query.ts';
import type { Listening } from './listener.ts';

/** What admitting listeners needs. */
export interface AdmitOptions {
  readonly keys: KeyRing;
  readonly rules: Rules;
  readonly addressOf: AddressOf;
  readonly scopeOf: ScopeOf;
  readonly isBelieved: IdentityCheck;
}

/** A listener that was admitted. */
export interface Admitted extends Listening {
  /** With an identity: the client, as the server hook sees it. */
  readonly client: ServerClient | undefined;
  readonly lastEventId: string | undefined;
}

/** Whether a listener is admitted; `retryAfter`: in seconds, for one that was refused. */
export type Admission =
  | Result<Admitted>
  | { readonly ok: false; readonly failure: Failure; readonly retryAfter: number };

/**
 * Decides whether a request may listen: with a key, to any room or user; with an identity, to its own user and to the
 * rooms that the server hook allows.
 */
export async function admitListener(
  request: IncomingMessage,
  query: URLSearchParams,
  options: AdmitOptions,
): Promise<Admission> {
  const values = readQuery(query, listenQuery);
  const asked = values.ok ? readAsked(values.value, request.headers['last-event-id']) : values;
  const id = randomBytes(15).toString('base64url');
  const listen: ListenRequest = { id, request, query, asked };
  const { headers } = request;
  if (readApiKey(headers) === undefined) return admitByIdentity(listen, options);
  const holder = options.keys.find(headers);
  if (holder.ok) return admitByKey(listen, holder.value, options);
  // The token is that of the user: the agent's hook has recognized it.
  const isToken = headers['x-api-key'] === undefined && headers[uidHeader] !== undefined;
  return isToken ? admitByIdentity(listen, options) : holder;
}

/** A request to listen. */
interface ListenRequest {
  /** Id of the listener. */
  readonly id: string;
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  readonly asked: Result<AskedFor>;
}

function admitByKey({ id, query, asked }: ListenRequest, holder: KeyHolder, { scopeOf }: AdmitOptions): Admission {
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

async function admitByIdentity(listen: ListenRequest, options: AdmitOptions): Promise<Admission> {
  const { id, asked } = listen;
  const { rules, scopeOf } = options;
  const client = readClient(listen, options);
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
  if (rooms.length + users.length > maxListened) {
    return failed('payload_invalid', `room: wanted at most ${maxListened} rooms and users`);
  }
  const lastEventId = typeof header === 'string' && header !== '' ? header : asked.value.lastEventId;
  return success({ rooms, users, lastEventId });
}

function namesOf(scope: Scope, rooms: readonly string[], users: readonly string[]): string[] {
  return [...users.map((user) => roomOfUser(scope + user)), ...rooms.map((room) => roomOfClients(room, scope))];
}

/** The client, by the headers of an agent. A `uid` in the query proves nothing. */
function readClient(
  { id, request, query }: ListenRequest,
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
