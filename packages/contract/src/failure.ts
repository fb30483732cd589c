import type { Result } from './result.ts';

/** One row of the failure table: what a client is told, and whether it may try again. */
export interface FailureRow {
  /** Status on an HTTP request. */
  readonly http: number;
  /** Status on an upgrade request. 403 where trying again cannot help, since browsers show scripts no more than "failed". */
  readonly upgrade: number;
  /** Whether the same request may succeed later without the client changing anything. */
  readonly retry: boolean;
  /** The one sentence the client reads. Never carries what a hook threw: that goes to the log. */
  readonly message: string;
}

/**
 * The one failure table: every refusal a client can get from any tier. Codes are stable; clients may match on them.
 *
 * 430 for a missing uid is what gopush 0.1 answered; its clients rely on it.
 */
export const failures = {
  // The request itself
  request_malformed: row(400, 400, false, 'The request is malformed.'),
  headers_too_large: row(431, 431, false, 'The request headers are too large.'),
  request_timeout: row(408, 408, true, 'The request took too long to arrive.'),
  product_ambiguous: row(400, 400, false, 'The product is given more than once.'),
  path_ambiguous: row(400, 400, false, 'The path can be read in several ways, which belong to different routes.'),
  product_unknown: row(404, 404, false, 'There is no such product.'),
  expectation_unknown: row(417, 417, false, 'Of expectations only 100-continue is known here.'),
  upgrade_malformed: row(400, 400, false, 'The WebSocket handshake is malformed.'),
  upgrade_version: row(426, 426, false, 'Only versions 13 and 8 of the WebSocket protocol are served here.'),
  origin_refused: row(403, 403, false, 'Connections from this origin are not allowed.'),

  client_too_slow: row(408, 408, true, 'The client took too long to take its answer.'),
  client_gone: row(499, 499, true, 'The client went away before it was answered.'),

  // What this node takes
  overloaded: row(503, 503, true, 'This node has too much to do.'),
  too_many_connections: row(503, 503, true, 'This node has as many connections as it may have.'),
  too_many_connections_ip: row(429, 429, true, 'There are too many connections from this address.'),
  too_many_tunnels_uid: row(429, 429, true, 'This client has too many connections.'),
  too_fast: row(503, 503, true, 'This node takes no more new connections just now.'),
  too_fast_ip: row(429, 429, true, 'There are too many new connections from this address.'),

  // Who the client is
  uid_missing: row(430, 403, false, 'The client could not be identified.'),
  uid_invalid: row(430, 403, false, 'The client identity is not acceptable.'),
  uid_hook_threw: row(500, 403, false, 'The client could not be identified: the hook failed.'),
  uid_hook_rejected: row(500, 403, false, 'The client could not be identified: the hook refused.'),
  uid_hook_timeout: row(503, 503, true, 'The client could not be identified in time.'),
  uid_hook_bad_value: row(500, 403, false, 'The client could not be identified: the hook returned a wrong value.'),
  uid_hook_body_too_large: row(413, 413, false, 'The body of the request is too large for the hook that reads it.'),

  identity_unsigned: row(403, 403, false, 'The identity of the client is not signed by an agent.'),

  // Which target serves it
  router_hook_threw: row(500, 500, false, 'The product could not be routed: the hook failed.'),
  router_hook_rejected: row(500, 500, false, 'The product could not be routed: the hook refused.'),
  router_hook_timeout: row(503, 503, true, 'The product could not be routed in time.'),
  router_hook_bad_value: row(500, 500, false, 'The product could not be routed: the hook returned a wrong value.'),
  target_none: row(503, 503, true, 'No server of this product is available.'),
  target_unreachable: row(502, 502, true, 'The server of this product could not be reached.'),
  target_tls_untrusted: row(502, 502, true, 'The server of this product has a certificate that is not trusted.'),
  target_tls_expired: row(502, 502, true, 'The server of this product has a certificate that is not valid now.'),
  target_tls_name: row(502, 502, true, 'The server of this product has a certificate of another name.'),
  target_tls_failed: row(502, 502, true, 'The server of this product could not be spoken to by TLS.'),
  target_tls_refused: row(502, 502, true, 'The server of this product refused the certificate of this node.'),
  target_reset: row(502, 502, true, 'The server of this product closed the connection before it answered.'),
  target_bad_answer: row(502, 502, true, 'The server of this product gave an invalid answer.'),
  target_forbidden: row(500, 500, false, 'The product could not be routed: its server may not be used.'),
  target_full: row(503, 503, true, 'The servers of this product have as many clients as they may have.'),
  target_silent: row(504, 504, true, 'The server of this product did not answer in time.'),

  // What a back end asked the HTTP API for
  api_key_missing: row(401, 401, false, 'An API key is needed.'),
  api_key_unknown: row(401, 401, false, 'There is no such API key.'),
  api_scope_missing: row(403, 403, false, 'This API key may not be used for that.'),
  method_unsupported: row(405, 405, false, 'This cannot be asked with that method.'),
  body_too_large: row(413, 413, false, 'The body of the request is too large.'),
  listener_too_slow: row(503, 503, true, 'This listener takes what is said more slowly than it comes.'),

  // What a client of the push-server asked for
  not_found: row(404, 404, false, 'There is nothing here.'),
  room_invalid: row(400, 400, false, 'The room name is not acceptable.'),
  event_invalid: row(400, 400, false, 'The event name is not acceptable.'),
  payload_invalid: row(400, 400, false, 'The payload does not have the expected shape.'),
  connect_refused: row(403, 403, false, 'This client may not connect.'),
  join_refused: row(403, 403, false, 'This client may not enter the room.'),
  event_unknown: row(404, 404, false, 'Nobody here listens to this event.'),
  publish_refused: row(403, 403, false, 'This client may not speak to the room.'),
  too_many_requests: row(429, 429, true, 'This client asks for too much at a time.'),
  too_many_rooms: row(429, 429, false, 'This client is in as many rooms as it may enter.'),
  too_many_namespaces: row(429, 429, false, 'This connection is in as many namespaces as it may enter.'),
  too_many_connections_uid: row(429, 429, true, 'This user has as many connections as one may have.'),
  send_queue_full: row(429, 429, true, 'This client does not read what it is sent.'),
  replaced: row(409, 409, false, 'Another connection of this user took the place of this one.'),
  server_hook_threw: row(500, 403, false, 'It could not be decided whether this is allowed: the hook failed.'),
  server_hook_rejected: row(500, 403, false, 'It could not be decided whether this is allowed: the hook refused.'),
  server_hook_timeout: row(503, 503, true, 'It could not be decided in time whether this is allowed.'),
  server_hook_bad_value: row(
    500,
    403,
    false,
    'It could not be decided whether this is allowed: the hook returned a wrong value.',
  ),

  history_gone: row(410, 410, false, 'The history does not reach back so far.'),
  inbox_full: row(429, 429, true, 'The inbox of this user is full.'),
  not_durable: row(503, 503, true, 'It is not sure that this is kept: with an id it can be said again.'),
  engine_version: row(400, 400, false, 'This version of the protocol of Socket.IO is not served here.'),
  jsonp_refused: row(400, 400, false, 'JSONP is not served here.'),
  session_unknown: row(410, 410, false, 'There is no such session to go on with.'),

  // This process
  stopping: row(503, 503, true, 'This node is stopping.'),
  internal: row(500, 500, true, 'An unexpected error occurred.'),
} as const satisfies Record<string, FailureRow>;

/** A stable code of the failure table. */
export type FailureCode = keyof typeof failures;

/** An expected failure, as a value. */
export interface Failure {
  readonly code: FailureCode;
  /** For the log: what exactly was wrong. Shown to clients for a few codes alone: {@link messageOf}. */
  readonly detail?: string;
  /** For the log: what was thrown, where something was. */
  readonly cause?: unknown;
}

/** A failed {@link Result}. */
export function failed(code: FailureCode, detail?: string, cause?: unknown): Result<never> {
  return {
    ok: false,
    failure: {
      code,
      ...(detail === undefined ? {} : { detail }),
      ...(cause === undefined ? {} : { cause }),
    },
  };
}

/** Failures whose detail is written for whoever asked; that of others is for the log alone. */
const shown: ReadonlySet<FailureCode> = new Set(['payload_invalid', 'room_invalid', 'event_invalid', 'origin_refused']);

/** What clients are told of a failure, in words. */
export function messageOf({ code, detail }: Failure): string {
  const { message } = failures[code];
  return detail === undefined || !shown.has(code) ? message : `${message} ${detail}`;
}

/** The body clients get: `{ error: { code, message } }`. */
export function failureBody(code: FailureCode, message: string = failures[code].message): FailureBody {
  return { error: { code, message } };
}

/** What a client reads of a failure. */
export interface FailureBody {
  readonly error: { readonly code: FailureCode; readonly message: string };
}

function row(http: number, upgrade: number, retry: boolean, message: string): FailureRow {
  return { http, upgrade, retry, message };
}
