import { z } from 'zod';

const host = () => z.string().min(1).max(255);
const address = z.strictObject({ host: host(), port: z.int().min(1).max(65535) });
const pem = (what: string) =>
  z
    .string()
    .min(1)
    .optional()
    .meta({ description: `${what}: PEM, or a file of PEM seen from the project.` });

const tlsOptions = z.strictObject({
  ca: pem('Certificate of the authority that signed that of Redis, where it is none that Node trusts'),
  cert: pem('Our certificate, where Redis asks for one (tls-auth-clients)'),
  key: pem('Private key of our certificate'),
  servername: z.string().min(1).optional().meta({
    description: 'Name that the certificate of Redis must have, where it is not the host we connect to.',
  }),
  rejectUnauthorized: z.boolean().default(true).meta({
    description: 'false takes any certificate, so that whoever is in between can read and change all; for tests only.',
  }),
});

/** How to reach Redis. */
export const redis = z
  .strictObject({
    host: host().default('127.0.0.1').meta({ description: 'Host of a single Redis.' }),
    port: z.int().min(1).max(65535).default(6379).meta({ description: 'Port of a single Redis.' }),
    path: z.string().min(1).optional().meta({
      description: 'Unix socket of a single Redis, seen from the project; instead of host and port.',
    }),
    username: z.string().optional().meta({ description: 'User of the Redis ACL.' }),
    password: z.string().optional().meta({
      description: 'Password. Better given by REDIS_URL or the secrets file than in a file that git has.',
    }),
    db: z.int().min(0).optional().meta({ description: 'Number of the database; not with a cluster.' }),
    tls: z.boolean().default(false).meta({ description: 'Whether to speak TLS to Redis.' }),
    tlsOptions: tlsOptions
      .default({ rejectUnauthorized: true })
      .meta({ description: 'Certificates for TLS, where those of Node are not enough.' }),
    sentinels: z
      .array(address)
      .min(1)
      .optional()
      .meta({ description: 'Sentinels to ask for the master; instead of host and port.' }),
    sentinelName: z.string().min(1).default('mymaster').meta({
      description: 'Name of the master that the sentinels watch.',
    }),
    sentinelUsername: z.string().optional().meta({ description: 'User of the ACL of the sentinels.' }),
    sentinelPassword: z.string().optional().meta({
      description: 'Password of the sentinels; that of Redis itself is password.',
    }),
    sentinelTls: z.boolean().optional().meta({
      description: 'Whether to speak TLS to the sentinels; absent: as tls says.',
    }),
    cluster: z
      .array(address)
      .min(1)
      .optional()
      .meta({ description: 'Some nodes of a Redis Cluster; instead of host and port.' }),
    prefix: z.string().min(1).max(64).default('gopush').meta({ description: 'Start of every channel and key.' }),
    fanout: z.enum(['pubsub', 'sharded', 'streams']).default('pubsub').meta({
      description:
        'By what Socket.IO on push-servers reaches the others: pub/sub, sharded pub/sub (Redis 7), or streams. docs/fanout.md compares them.',
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
      refuse('tls', 'true, as redisAdapter.tlsOptions are given (by REDIS_URL: rediss://)');
    }
    if ((cert === undefined) !== (key === undefined)) {
      refuse(`tlsOptions.${cert === undefined ? 'cert' : 'key'}`, 'a value: cert and key belong together');
    }
    if (config.cluster !== undefined && config.sentinels !== undefined) {
      refuse('cluster', 'either cluster or sentinels, not both');
    }
    if (config.path !== undefined && (config.cluster !== undefined || config.sentinels !== undefined)) {
      refuse('path', 'no path beside cluster or sentinels');
    }
    if (config.cluster !== undefined && (config.db ?? 0) !== 0) {
      refuse('db', '0 or nothing: a Redis Cluster has one database');
    }
  });
