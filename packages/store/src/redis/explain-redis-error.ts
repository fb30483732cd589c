/** What is wrong, by a sign in the message or code of an error, and what to change. The first that fits counts. */
const explanations: readonly (readonly [sign: RegExp, advice: string])[] = [
  // Reaching it
  [/ECONNREFUSED/, 'nothing listens there; start Redis, or correct redisAdapter.host and port (REDIS_URL)'],
  [/ENOTFOUND|EAI_AGAIN/, 'that name is not known here; correct redisAdapter.host (REDIS_URL), or look at DNS'],
  [/ENOENT/, 'there is no such socket; correct redisAdapter.path, or unixsocket in redis.conf'],
  [/EACCES/, 'this user may not open the socket; look at unixsocketperm in redis.conf'],
  [
    /EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/,
    'no answer from there; look at the network and firewalls, and whether redisAdapter.tls is as the port wants it',
  ],
  // TLS
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'its certificate is of another name; connect to that name, or set redisAdapter.tlsOptions.servername to it',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_|CERT_SIGNATURE|CERT_UNTRUSTED/,
    'its certificate is signed by nobody who is trusted here; set redisAdapter.tlsOptions.ca to the certificate of its authority',
  ],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'its certificate is out of date; renew it, and look at the clocks'],
  [
    /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA|certificate required/i,
    'Redis wants a certificate of ours that its authority signed; set redisAdapter.tlsOptions.cert and key',
  ],
  [/KEY_VALUES_MISMATCH/, 'redisAdapter.tlsOptions.key is not the key of cert'],
  [
    /WRONG_VERSION_NUMBER|wrong version number|EPROTO|PACKET_LENGTH/,
    'that port does not speak TLS; set redisAdapter.tls to false (redis://), or take the port of TLS',
  ],
  [/ended the connection before/, 'perhaps its port speaks TLS; then set redisAdapter.tls to true (rediss://)'],
  [
    /handshake of TLS/,
    'it ended the connection; perhaps it wants a certificate of ours that its authority signed: then set redisAdapter.tlsOptions.cert and key',
  ],
  // As Redis ends what is not TLS at a port of TLS.
  [
    /ECONNRESET|EPIPE/,
    'it ended the connection; where it does so each time, its port may speak TLS: then set redisAdapter.tls to true (rediss://)',
  ],
  // Sentinels
  [
    /invalid reply: null|No such master/,
    'the sentinels watch no master of that name; correct redisAdapter.sentinelName',
  ],
  [
    /sentinel.*(?:NOAUTH|WRONGPASS)/i,
    'the sentinels want a user or password; set redisAdapter.sentinelPassword and sentinelUsername',
  ],
  [
    /sentinel.*NOPERM/i,
    'the user of the sentinels may not ask for the master; give it +sentinel, or correct redisAdapter.sentinelUsername',
  ],
  [
    /sentinels are unreachable/,
    'correct redisAdapter.sentinels, and look at redisAdapter.sentinelTls and sentinelPassword',
  ],
  // Who we are
  [
    /WRONGPASS|invalid password/,
    'user or password are wrong; correct redisAdapter.username and password (REDIS_URL, or the secrets file)',
  ],
  [
    /NOAUTH|Authentication required/,
    'it wants a password; set redisAdapter.password, and username where the ACL has one (REDIS_URL, or the secrets file)',
  ],
  [
    /NOPERM.*key/,
    'its ACL does not let this user at our keys; give it ~<redisAdapter.prefix>:* and &<redisAdapter.prefix>*',
  ],
  [/NOPERM.*channel/, 'its ACL does not let this user at our channels; give it &<redisAdapter.prefix>*'],
  [/NOPERM/, 'its ACL does not let this user run that command; allow it with ACL SETUSER'],
  // What it is
  [/MOVED|ASK \d/, 'it is a node of a cluster; name its nodes in redisAdapter.cluster (redis+cluster://)'],
  [/cluster support disabled/, 'it is no cluster; give redisAdapter.host and port instead of cluster'],
  [/SELECT is not allowed/, 'a cluster has one database; remove redisAdapter.db'],
  [/DB index is out of range/, 'it has no such database; correct redisAdapter.db, or databases in redis.conf'],
  [/CROSSSLOT/, 'a bug: keys of one call belong to one slot. Please report it'],
  [/unknown command|NOPROTO/i, 'Redis 6.2 or newer is wanted; managed ones may forbid the command'],
  // How it is
  [/CLUSTERDOWN/, 'a part of the cluster has no master; look at: redis-cli cluster info'],
  [/MASTERDOWN/, 'it is a replica that has lost its master; connect to the master'],
  [/LOADING/, 'it is loading its data and serves when that is done'],
  [/READONLY/, 'it is a replica; it is left when the address leads to a master'],
  [/OOM/, 'its memory is full; raise maxmemory, or lower pushServer.history and pushServer.inbox'],
  [/MISCONF/, 'it cannot write to its disk; look at its log and its space'],
  [/NOREPLICAS/, 'it has fewer replicas than min-replicas-to-write wants'],
  [/max number of clients/, 'it has as many clients as maxclients says; raise that'],
];

/** Messages with which ioredis says only that there is no connection. */
const isUninformative =
  /^(Stream isn't writeable|Connection is closed|Reached the max retries|Command aborted|None of startup nodes|Failed to refresh slots)/;

/** Whether an error tells no more than that there is no connection. */
export function tellsNothing(message: string): boolean {
  return isUninformative.test(message);
}

/** What was wrong, and what to change. Redis and ioredis repeat no passwords in messages; arguments of commands are not shown. */
export function explainRedisError(error: unknown): string {
  const {
    message,
    code = '',
    lastNodeError,
  } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    readonly code?: string;
    readonly lastNodeError?: unknown;
  };
  // A cluster says that none of its nodes was reached, and why beside it.
  if (lastNodeError instanceof Error) return explainRedisError(lastNodeError);
  const text = message || code || 'an error without a message';
  const [, advice] = explanations.find(([sign]) => sign.test(`${code} ${text}`)) ?? [];
  return advice === undefined ? text : `${text}: ${advice}`;
}
