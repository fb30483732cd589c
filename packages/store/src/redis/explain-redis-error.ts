/** Patterns in the message or code of an error, and what to change. The first match counts. */
const explanations: readonly (readonly [sign: RegExp, advice: string])[] = [
  // Reaching it
  [/ECONNREFUSED/, 'nothing listens there; start Redis, or correct redisAdapter.host and port (REDIS_URL)'],
  [/ENOTFOUND|EAI_AGAIN/, 'the host name cannot be resolved; correct redisAdapter.host (REDIS_URL), or check DNS'],
  [/ENOENT/, 'the socket does not exist; correct redisAdapter.path, or unixsocket in redis.conf'],
  [/EACCES/, 'this user may not open the socket; check unixsocketperm in redis.conf'],
  [
    /EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/,
    'no response; check the network and firewalls, and whether redisAdapter.tls matches the port',
  ],
  // TLS
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'its certificate is for another name; connect to that name, or set redisAdapter.tlsOptions.servername to it',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_|CERT_SIGNATURE|CERT_UNTRUSTED/,
    'its certificate is signed by an authority that is not trusted here; set redisAdapter.tlsOptions.ca to the certificate of that authority',
  ],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    'its certificate has expired or is not yet valid; renew it, and check the clocks',
  ],
  [
    /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA|certificate required/i,
    'Redis requires a client certificate that its authority signed; set redisAdapter.tlsOptions.cert and key',
  ],
  [/KEY_VALUES_MISMATCH/, 'redisAdapter.tlsOptions.key does not belong to cert'],
  [
    /WRONG_VERSION_NUMBER|wrong version number|EPROTO|PACKET_LENGTH/,
    'the port does not use TLS; set redisAdapter.tls to false (redis://), or use the TLS port',
  ],
  [/closed the connection before/, 'the port may require TLS; if so, set redisAdapter.tls to true (rediss://)'],
  [
    /in the TLS handshake/,
    'it closed the connection; it may require a client certificate that its authority signed: if so, set redisAdapter.tlsOptions.cert and key',
  ],
  // Redis closes a connection without TLS to a TLS port.
  [
    /ECONNRESET|EPIPE/,
    'it closed the connection; if it does so each time, the port may require TLS: if so, set redisAdapter.tls to true (rediss://)',
  ],
  // Sentinels
  [
    /invalid reply: null|No such master/,
    'the sentinels have no master of that name; correct redisAdapter.sentinelName',
  ],
  [
    /sentinel.*(?:NOAUTH|WRONGPASS)/i,
    'the sentinels require a user or password; set redisAdapter.sentinelPassword and sentinelUsername',
  ],
  [
    /sentinel.*NOPERM/i,
    'the user of the sentinels may not query the master; grant it +sentinel, or correct redisAdapter.sentinelUsername',
  ],
  [
    /sentinels are unreachable/,
    'correct redisAdapter.sentinels, and check redisAdapter.sentinelTls and sentinelPassword',
  ],
  // Who we are
  [
    /WRONGPASS|invalid password/,
    'user or password is wrong; correct redisAdapter.username and password (REDIS_URL, or the secrets file)',
  ],
  [
    /NOAUTH|Authentication required/,
    'it requires a password; set redisAdapter.password, and username if the ACL has one (REDIS_URL, or the secrets file)',
  ],
  [
    /NOPERM.*key/,
    'its ACL denies this user the keys of gopush; grant it ~<redisAdapter.prefix>:* and &<redisAdapter.prefix>*',
  ],
  [/NOPERM.*channel/, 'its ACL denies this user the channels of gopush; grant it &<redisAdapter.prefix>*'],
  [/NOPERM/, 'its ACL denies this user the command; allow it with ACL SETUSER'],
  // What it is
  [/MOVED|ASK \d/, 'it is a node of a cluster; list its nodes in redisAdapter.cluster (redis+cluster://)'],
  [/cluster support disabled/, 'it is not a cluster; set redisAdapter.host and port instead of cluster'],
  [/SELECT is not allowed/, 'a cluster has only database 0; remove redisAdapter.db'],
  [/DB index is out of range/, 'the database does not exist; correct redisAdapter.db, or databases in redis.conf'],
  [/CROSSSLOT/, 'a bug: all keys of one call must be in one slot. Please report it'],
  [/unknown command|NOPROTO/i, 'Redis 6.2 or newer is required; managed services may forbid the command'],
  // How it is
  [/CLUSTERDOWN/, 'a part of the cluster has no master; see: redis-cli cluster info'],
  [/MASTERDOWN/, 'it is a replica that has lost its master; connect to the master'],
  [/LOADING/, 'it is loading its data; wait until that is done'],
  [/READONLY/, 'it is a replica; gopush reconnects when the address leads to a master'],
  [/OOM/, 'its memory is full; raise maxmemory, or lower pushServer.history and pushServer.inbox'],
  [/MISCONF/, 'it cannot write to its disk; check its log and free space'],
  [/NOREPLICAS/, 'it has fewer replicas than min-replicas-to-write requires'],
  [/max number of clients/, 'it has reached maxclients; raise that'],
];

/** Messages of ioredis that mean only that there is no connection. */
const isUninformative =
  /^(Stream isn't writeable|Connection is closed|Reached the max retries|Command aborted|None of startup nodes|Failed to refresh slots)/;

/** Whether an error means only that there is no connection. */
export function tellsNothing(message: string): boolean {
  return isUninformative.test(message);
}

/** Explains the cause, and the setting to change. Redis and ioredis repeat no passwords in messages; arguments of commands are not shown. */
export function explainRedisError(error: unknown): string {
  const {
    message,
    code = '',
    lastNodeError,
  } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    readonly code?: string;
    readonly lastNodeError?: unknown;
  };
  // For a cluster, the error means that no node was reached; the reason is in one of its properties.
  if (lastNodeError instanceof Error) return explainRedisError(lastNodeError);
  const text = message || code || 'an error without a message';
  const [, advice] = explanations.find(([sign]) => sign.test(`${code} ${text}`)) ?? [];
  return advice === undefined ? text : `${text}: ${advice}`;
}
