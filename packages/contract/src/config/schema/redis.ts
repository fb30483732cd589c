import { z } from 'zod';

const host = () => z.string().min(1).max(255);
const address = z.strictObject({ host: host(), port: z.int().min(1).max(65535) });
const pem = (what: string) =>
  z
    .string()
    .min(1)
    .optional()
    .meta({ description: `${what}: PEM text, or a PEM file relative to the project.` });

const tlsOptions = z.strictObject({
  ca: pem('Certificate of the authority that signed the certificate of Redis, if Node does not trust it by default'),
  cert: pem('Client certificate, if Redis requires one (tls-auth-clients)'),
  key: pem('Private key of the client certificate'),
  servername: z.string().min(1).optional().meta({
    description: 'Name that the certificate of Redis must have, if it differs from the host.',
  }),
  rejectUnauthorized: z.boolean().default(true).meta({
    description:
      'false accepts any certificate: anyone on the network path can then read and change the traffic. For tests only.',
  }),
});

/** How to reach Redis. */
export const redis = z
  .strictObject({
    host: host().default('127.0.0.1').meta({ description: 'Host of a single Redis.' }),
    port: z.int().min(1).max(65535).default(6379).meta({ description: 'Port of a single Redis.' }),
    path: z.string().min(1).optional().meta({
      description: 'Unix socket of a single Redis, relative to the project; instead of host and port.',
    }),
    username: z.string().optional().meta({ description: 'User of the Redis ACL.' }),
    password: z.string().optional().meta({
      description: 'Password. Put it into REDIS_URL or the secrets file, not into a file in git.',
    }),
    db: z.int().min(0).optional().meta({ description: 'Database number; not with a cluster.' }),
    tls: z.boolean().default(false).meta({ description: 'Whether to use TLS with Redis.' }),
    tlsOptions: tlsOptions
      .default({ rejectUnauthorized: true })
      .meta({ description: 'Certificates for TLS, if the defaults of Node are not enough.' }),
    sentinels: z
      .array(address)
      .min(1)
      .optional()
      .meta({ description: 'Sentinels that know the master; instead of host and port.' }),
    sentinelName: z.string().min(1).default('mymaster').meta({
      description: 'Name of the master at the sentinels.',
    }),
    sentinelUsername: z.string().optional().meta({ description: 'User of the ACL of the sentinels.' }),
    sentinelPassword: z.string().optional().meta({
      description: 'Password of the sentinels. The password of Redis itself is redisAdapter.password.',
    }),
    sentinelTls: z.boolean().optional().meta({
      description: 'Whether to use TLS with the sentinels; absent: the value of tls.',
    }),
    cluster: z
      .array(address)
      .min(1)
      .optional()
      .meta({ description: 'Some nodes of a Redis Cluster; instead of host and port.' }),
    prefix: z.string().min(1).max(64).default('gopush').meta({ description: 'Prefix of every channel and key.' }),
    fanout: z.enum(['pubsub', 'sharded', 'streams']).default('pubsub').meta({
      description:
        'How Socket.IO events reach the other push-servers: pub/sub, sharded pub/sub (Redis 7), or streams. docs/fanout.md compares them.',
    }),
  })
  .superRefine((config, context) => {
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: key.split('.'), message });
    const {
      tls,
      tlsOptions: { ca, cert, key, servername, rejectUnauthorized },
    } = config;
    const hasOptions = [ca, cert, key, servername].some((one) => one !== undefined) || !rejectUnauthorized;
    if (hasOptions && !tls && config.sentinelTls !== true) {
      refuse('tls', 'true, because redisAdapter.tlsOptions are set (in REDIS_URL: rediss://)');
    }
    if ((cert === undefined) !== (key === undefined)) {
      refuse(`tlsOptions.${cert === undefined ? 'cert' : 'key'}`, 'a value: cert and key must be set together');
    }
    if (config.cluster !== undefined && config.sentinels !== undefined) {
      refuse('cluster', 'either cluster or sentinels, not both');
    }
    if (config.path !== undefined && (config.cluster !== undefined || config.sentinels !== undefined)) {
      refuse('path', 'no path together with cluster or sentinels');
    }
    if (config.cluster !== undefined && (config.db ?? 0) !== 0) {
      refuse('db', '0 or nothing: a Redis Cluster has only database 0');
    }
  });
