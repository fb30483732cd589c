/** One row of the failure table: the statuses and the message that a client gets, and whether it may retry. */
export interface FailureRow {
  /** Status on an HTTP request. */
  readonly http: number;
  /** Status on an upgrade request. 403 if a retry cannot help: a browser tells its scripts only that the upgrade failed. */
  readonly upgrade: number;
  /** Whether the same request may succeed later, unchanged. */
  readonly retry: boolean;
  /** The sentence that the client gets. It never contains what a hook threw: that goes to the log. */
  readonly message: string;
}

/**
 * The failure table: every refusal that a client can get, from agents and push-servers alike. Codes are stable: clients may
 * compare them.
 *
 * Status 430 for a missing uid comes from gopush 0.1, whose clients rely on it.
 */
export const failures = {
  // The request itself
  request_malformed: row(400, 400, false, 'The request is malformed.'),
  headers_too_large: row(431, 431, false, 'The request headers are too large.'),
  request_timeout: row(408, 408, true, 'The request took too long to arrive.'),
  product_ambiguous: row(400, 400, false, 'The product is given more than once.'),
  path_ambiguous: row(400, 400, false, 'The path can be read in several ways that match different routes.'),
  product_unknown: row(404, 404, false, 'The product does not exist.'),
  expectation_unknown: row(417, 417, false, 'The only supported expectation is 100-continue.'),
  upgrade_malformed: row(400, 400, false, 'The WebSocket handshake is malformed.'),
  upgrade_version: row(426, 426, false, 'Only versions 13 and 8 of the WebSocket protocol are supported.'),
  origin_refused: row(403, 403, false, 'Connections from this origin are not allowed.'),

  client_too_slow: row(408, 408, true, 'The client took too long to read the response.'),
  client_gone: row(499, 499, true, 'The client closed the connection before the response.'),

  // Limits of this node
  overloaded: row(503, 503, true, 'This node is overloaded.'),
  too_many_connections: row(503, 503, true, 'This node has reached its connection limit.'),
  draining: row(503, 503, true, 'This node is being drained and takes no new clients.'),
  too_many_connections_ip: row(429, 429, true, 'This address has too many connections.'),
  too_many_tunnels_uid: row(429, 429, true, 'This user has too many connections.'),
  too_fast: row(503, 503, true, 'This node receives too many new connections per second.'),
  too_fast_ip: row(429, 429, true, 'This address opens too many new connections per second.'),

  // Who the client is
  uid_missing: row(430, 403, false, 'The client could not be identified.'),
  uid_invalid: row(430, 403, false, 'The identity of the client is invalid.'),
  uid_hook_threw: row(500, 403, false, 'The client could not be identified: the hook failed.'),
  uid_hook_rejected: row(500, 403, false, 'The client could not be identified: the promise of the hook was rejected.'),
  uid_hook_timeout: row(503, 503, true, 'The client could not be identified in time.'),
  uid_hook_bad_value: row(500, 403, false, 'The client could not be identified: the hook returned an invalid value.'),
  uid_hook_body_too_large: row(413, 413, false, 'The request body is too large for the hook that reads it.'),

  identity_unsigned: row(403, 403, false, 'The signature of the identity is missing or invalid.'),

  // Which target serves it
  router_hook_threw: row(500, 500, false, 'The product could not be routed: the hook failed.'),
  router_hook_rejected: row(500, 500, false, 'The product could not be routed: the promise of the hook was rejected.'),
  router_hook_timeout: row(503, 503, true, 'The product could not be routed in time.'),
  router_hook_bad_value: row(500, 500, false, 'The product could not be routed: the hook returned an invalid value.'),
  target_none: row(503, 503, true, 'No target of this product is available.'),
  target_unreachable: row(502, 502, true, 'The target of this product could not be reached.'),
  target_tls_untrusted: row(502, 502, true, 'The certificate of the target is not trusted.'),
  target_tls_expired: row(502, 502, true, 'The certificate of the target has expired or is not yet valid.'),
  target_tls_name: row(502, 502, true, 'The certificate of the target is for another name.'),
  target_tls_failed: row(502, 502, true, 'The TLS handshake with the target failed.'),
  target_tls_refused: row(502, 502, true, 'The target refused the certificate of this node.'),
  target_reset: row(502, 502, true, 'The target closed the connection before it responded.'),
  target_bad_answer: row(502, 502, true, 'The target sent an invalid response.'),
  target_forbidden: row(500, 500, false, 'The product could not be routed: its target is not allowed.'),
  target_full: row(503, 503, true, 'All targets of this product have reached their connection limit.'),
  target_draining: row(503, 503, true, 'All targets of this product are being drained.'),
  target_silent: row(504, 504, true, 'The target did not respond in time.'),

  // The HTTP API
  api_key_missing: row(401, 401, false, 'An API key is required.'),
  api_key_unknown: row(401, 401, false, 'The API key is unknown.'),
  api_scope_missing: row(403, 403, false, 'The scopes or products of this API key do not allow this request.'),
  method_unsupported: row(405, 405, false, 'This method is not supported here.'),
  body_too_large: row(413, 413, false, 'The request body is too large.'),
  listener_too_slow: row(503, 503, true, 'This listener reads too slowly.'),

  // Requests of clients to a push-server
  not_found: row(404, 404, false, 'Not found.'),
  room_invalid: row(400, 400, false, 'The room name is invalid.'),
  event_invalid: row(400, 400, false, 'The event name is invalid.'),
  payload_invalid: row(400, 400, false, 'The payload is invalid.'),
  connect_refused: row(403, 403, false, 'This client is not allowed to connect.'),
  join_refused: row(403, 403, false, 'This client is not allowed to join the room.'),
  event_unknown: row(404, 404, false, 'No handler listens for this event.'),
  publish_refused: row(403, 403, false, 'This client is not allowed to publish to the room.'),
  too_many_requests: row(429, 429, true, 'This client sends too many requests.'),
  too_many_rooms: row(429, 429, false, 'This client has reached its limit of rooms.'),
  too_many_namespaces: row(429, 429, false, 'This connection has reached its limit of namespaces.'),
  too_many_connections_uid: row(429, 429, true, 'This user has reached the limit of connections.'),
  send_queue_full: row(429, 429, true, 'This client reads too slowly: its send queue is full.'),
  replaced: row(409, 409, false, 'A newer connection of this user replaced this one.'),
  server_hook_threw: row(500, 403, false, 'The server hook failed.'),
  server_hook_rejected: row(500, 403, false, 'The promise of the server hook was rejected.'),
  server_hook_timeout: row(503, 503, true, 'The server hook did not finish in time.'),
  server_hook_bad_value: row(500, 403, false, 'The server hook returned an invalid value.'),

  history_gone: row(410, 410, false, 'The history no longer reaches back to this position.'),
  inbox_full: row(429, 429, true, 'The inbox of this user is full.'),
  not_durable: row(503, 503, true, 'The message may not have been stored. Retry with the same id.'),
  engine_version: row(400, 400, false, 'This version of the Engine.IO protocol is not supported.'),
  jsonp_refused: row(400, 400, false, 'JSONP is not supported.'),
  session_unknown: row(410, 410, false, 'The session is unknown.'),

  // This process
  stopping: row(503, 503, true, 'This node is stopping.'),
  internal: row(500, 500, true, 'An unexpected error occurred.'),
} as const satisfies Record<string, FailureRow>;

/** A stable code of the failure table. */
export type FailureCode = keyof typeof failures;

/** An expected failure, as a value. */
export interface Failure {
  readonly code: FailureCode;
  /** Details for the log. Only a few codes show them to clients: {@link messageOf}. */
  readonly detail?: string;
  /** The error that was thrown, if any, for the log. */
  readonly cause?: unknown;
}

/** Codes whose detail is shown to the client. The detail of all others is for the log only. */
const shown: ReadonlySet<FailureCode> = new Set(['payload_invalid', 'room_invalid', 'event_invalid', 'origin_refused']);

/** The message of a failure for the client. Includes the detail if that is meant for clients. */
export function messageOf({ code, detail }: Failure): string {
  const { message } = failures[code];
  return detail === undefined || !shown.has(code) ? message : `${message} ${detail}`;
}

/** The response body of a failure: `{ error: { code, message } }`. */
export function failureBody(code: FailureCode, message: string = failures[code].message): FailureBody {
  return { error: { code, message } };
}

/** The response body of a failure. */
export interface FailureBody {
  readonly error: { readonly code: FailureCode; readonly message: string };
}

function row(http: number, upgrade: number, retry: boolean, message: string): FailureRow {
  return { http, upgrade, retry, message };
}
