import { z } from 'zod';
import { access } from './schema/access.ts';
import { agent } from './schema/agent.ts';
import { api, webhooks } from './schema/api.ts';
import { handOff } from './schema/hand-off.ts';
import { isLoopback, port } from './schema/parts.ts';
import { admin, hooks, log, processes } from './schema/processes.ts';
import { pushServer } from './schema/push-server.ts';
import { redis } from './schema/redis.ts';
import { health, hold, limits, routing, seamless } from './schema/routing.ts';

/**
 * Every setting of gopush with its type, bounds and default. The parser, the environment variables, the JSON Schema and the
 * table in the docs are all derived from it. The five settings at the top level come from gopush 0.1; newer ones are in groups.
 */
export const configSchema = z
  .strictObject({
    $schema: z
      .string()
      .optional()
      .meta({ description: 'The JSON Schema of this file, for completion and checks in editors.' }),
    agentPort: port().default(6003).meta({ description: 'Port on which clients reach the agents; 0: any free port.' }),
    agentWorkers: z
      .int()
      .min(1)
      .max(256)
      .default(1)
      .meta({ description: 'Number of agent processes. They share the port.' }),
    serverPortStart: port().default(4000).meta({
      description: 'Port of the first push-server; each further push-server takes the next port. 0: any free port.',
    }),
    serverWorkers: z.int().min(0).max(256).default(2).meta({ description: 'Number of push-server processes.' }),
    redisAdapter: z.nullable(redis).default(null).meta({
      description:
        'Redis that connects the push-servers of several machines; null: the push-servers of one machine connect without Redis.',
    }),
    agent,
    pushServer,
    hooks,
    access,
    routing,
    health,
    hold,
    seamless,
    handOff,
    limits,
    processes,
    admin,
    api,
    webhooks,
    log,
  })
  .superRefine(({ api: { keys }, pushServer: { isolateProducts } }, context) => {
    for (const [index, { products }] of keys.entries()) {
      if (products === undefined || isolateProducts) continue;
      const message = 'pushServer.isolateProducts to be true: without it all products share their rooms and users';
      context.addIssue({ code: 'custom', path: ['api', 'keys', index, 'products'], message });
    }
  })
  .superRefine(({ pushServer: { host: listensOn }, serverWorkers, access }, context) => {
    if (serverWorkers === 0 || access.secrets.length > 0 || isLoopback(listensOn)) return;
    const message = `a secret of at least 16 characters, because other machines can reach push-servers on ${listensOn}`;
    context.addIssue({ code: 'custom', path: ['access', 'secrets'], message });
  });

type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

type SchemaInput = DeepReadonly<z.input<typeof configSchema>>;

/** Settings as users write them. All are optional: each has a default. */
export type ConfigInput = Omit<SchemaInput, 'redisAdapter'> & {
  /** Settings of Redis, or its address as in `REDIS_URL`. */
  readonly redisAdapter?: SchemaInput['redisAdapter'] | string;
};

/** Settings as code reads them: complete and frozen. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;

/** How to reach Redis. */
export type RedisConfig = NonNullable<Config['redisAdapter']>;
