import { z } from 'zod';

const port = () => z.int().min(0).max(65535);
const milliseconds = (max = 3_600_000) => z.int().min(1).max(max);
const host = () => z.string().min(1).max(255);

const address = z.strictObject({ host: host(), port: z.int().min(1).max(65535) });

const tls = z.strictObject({
  certFile: z.string().min(1).meta({
    description: 'File of the certificate in PEM, seen from the project; those between it and its root may follow it.',
  }),
  keyFile: z.string().min(1).meta({
    description: 'File of the private key in PEM, without a passphrase, seen from the project.',
  }),
  caFile: z.string().min(1).optional().meta({
    description:
      'File of the certificates between ours and its root, where certFile does not hold them. Clients are not asked for certificates.',
  }),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').meta({ description: 'Least version of TLS served.' }),
});

const redis = z.strictObject({
  host: host().default('127.0.0.1').meta({ description: 'Host of a single Redis.' }),
  port: z.int().min(1).max(65535).default(6379).meta({ description: 'Port of a single Redis.' }),
  username: z.string().optional().meta({ description: 'User of the Redis ACL.' }),
  password: z.string().optional().meta({ description: 'Password. Better given by REDIS_URL than in a file.' }),
  db: z.int().min(0).optional().meta({ description: 'Number of the database; not with a cluster.' }),
  tls: z.boolean().default(false).meta({ description: 'Whether to speak TLS to Redis.' }),
  sentinels: z
    .array(address)
    .min(1)
    .optional()
    .meta({ description: 'Sentinels to ask for the master; instead of host and port.' }),
  sentinelName: z.string().default('mymaster').meta({ description: 'Name of the master that the sentinels watch.' }),
  cluster: z
    .array(address)
    .min(1)
    .optional()
    .meta({ description: 'Some nodes of a Redis Cluster; instead of host and port.' }),
  prefix: z.string().min(1).max(64).default('gopush').meta({ description: 'Start of every channel and key.' }),
});

/**
 * Every setting of gopush with its type, bounds and default: the one source of the parser, the environment variables, the
 * JSON Schema and the table in the docs. The five at top level are those of gopush 0.1; newer ones live in groups.
 */
export const configSchema = z.strictObject({
  $schema: z.string().optional().meta({ description: 'Lets editors complete this file.' }),
  agentPort: port()
    .default(6003)
    .meta({ description: 'Port on which clients reach the agents; 0 takes any free one.' }),
  agentWorkers: z
    .int()
    .min(1)
    .max(256)
    .default(1)
    .meta({ description: 'Number of agent processes; they share the port.' }),
  serverPortStart: port()
    .default(4000)
    .meta({ description: 'Port of the first push-server; each further one takes the next. 0 takes any free one.' }),
  serverWorkers: z.int().min(0).max(256).default(2).meta({ description: 'Number of push-server processes.' }),
  redisAdapter: z.nullable(redis).default(null).meta({
    description: 'Redis that joins push-servers of several machines; null joins those of one machine without a server.',
  }),
  agent: z
    .strictObject({
      host: host().optional().meta({ description: 'Address to listen on; absent: all of them.' }),
      tls: z.nullable(tls).default(null).meta({
        description: 'Certificate with which the agents speak TLS; null: they do not. Followed while running.',
      }),
      connectTimeoutMs: milliseconds()
        .default(3_000)
        .meta({ description: 'How long connecting to a target may take.' }),
      answerTimeoutMs: milliseconds().default(60_000).meta({
        description: 'How long a target may take to begin its answer. Above the ping interval, for long-polling.',
      }),
      handshakeTimeoutMs: milliseconds()
        .default(10_000)
        .meta({ description: 'How long a target may take to answer an upgrade.' }),
      headerTimeoutMs: milliseconds()
        .default(10_000)
        .meta({ description: 'How long a client may take to send its headers.' }),
      maxHeaderBytes: z
        .int()
        .min(1_024)
        .max(1_048_576)
        .default(16_384)
        .meta({ description: 'Largest headers of a request.' }),
      drainMs: z
        .int()
        .min(0)
        .max(3_600_000)
        .default(10_000)
        .meta({ description: 'How long open requests and tunnels may go on after a stop was asked.' }),
      closePerSecond: z.int().min(1).max(1_000_000).default(500).meta({
        description: 'How many tunnels a second are closed at a stop, so that clients do not all come back at once.',
      }),
      tunnelIdleMs: z
        .int()
        .min(0)
        .max(86_400_000)
        .default(0)
        .meta({ description: 'After how long without a byte a tunnel is closed; 0: never.' }),
      tunnelMaxAgeMs: z
        .int()
        .min(0)
        .max(604_800_000)
        .default(0)
        .meta({ description: 'After how long a tunnel is closed in any case; 0: never.' }),
    })
    .prefault({})
    .meta({ description: 'The agents.' }),
  pushServer: z
    .strictObject({
      host: host()
        .default('127.0.0.1')
        .meta({ description: 'Address to listen on. It believes whoever reaches it: keep it private.' }),
      publicDir: z
        .string()
        .min(1)
        .optional()
        .meta({ description: 'Folder of files to serve, seen from the project; absent: none.' }),
      fanoutDir: z.string().min(1).optional().meta({
        description:
          'Folder of the Unix sockets by which push-servers of one machine reach each other without Redis; absent: one in the temporary folder, named after the project and port.',
      }),
      pingIntervalMs: milliseconds().default(25_000).meta({ description: 'How often clients are pinged.' }),
      pingTimeoutMs: milliseconds()
        .default(20_000)
        .meta({ description: 'How long a client may take to answer a ping.' }),
      maxMessageBytes: z
        .int()
        .min(1)
        .max(104_857_600)
        .default(1_000_000)
        .meta({ description: 'Largest message of a client.' }),
      drainMs: z
        .int()
        .min(0)
        .max(3_600_000)
        .default(5_000)
        .meta({ description: 'How long open requests may go on after a stop was asked.' }),
    })
    .prefault({})
    .meta({ description: 'The built-in push-servers.' }),
  hooks: z
    .strictObject({
      timeoutMs: milliseconds(600_000).default(5_000).meta({ description: 'How long one call of a hook may take.' }),
      watch: z.boolean().default(true).meta({ description: 'Whether edited hooks are taken up while running.' }),
    })
    .prefault({})
    .meta({ description: 'The hook files.' }),
  access: z
    .strictObject({
      allowedOrigins: z.array(z.string().min(1)).default([]).meta({
        description:
          'Origins of pages, besides the gateway\'s own, that may connect, as "https://example.com"; "*" is any.',
      }),
      trustedProxies: z
        .array(z.union([z.cidrv4(), z.cidrv6()]))
        .default([])
        .meta({
          description: 'Networks of proxies in front of the agents, whose X-Forwarded-… headers are believed.',
        }),
      proxyProtocol: z
        .array(z.union([z.cidrv4(), z.cidrv6()]))
        .default([])
        .meta({
          description:
            'Networks whose connections must begin with a header of the PROXY protocol, version 1 or 2. From others it is refused.',
        }),
    })
    .prefault({})
    .meta({ description: 'Who may connect, and who is believed.' }),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .meta({ description: 'Least level to log.' }),
      format: z
        .enum(['auto', 'json', 'text'])
        .default('auto')
        .meta({ description: 'json for machines, text for people; auto is text on a terminal.' }),
    })
    .prefault({})
    .meta({ description: 'The logs.' }),
});

type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** Settings as a user may write them: everything has a default. */
export type ConfigInput = DeepReadonly<z.input<typeof configSchema>>;

/** Settings as code reads them: complete and frozen. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;

/** How to reach Redis. */
export type RedisConfig = NonNullable<Config['redisAdapter']>;
