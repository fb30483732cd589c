import { z } from 'zod';
import { bearerKey, host, milliseconds, port, wait } from './parts.ts';

/** Settings of the hook files. */
export const hooks = z
  .strictObject({
    timeoutMs: milliseconds(600_000).default(5_000).meta({ description: 'How long one call of a hook may take.' }),
    maxBodyBytes: z.int().min(0).max(104_857_600).default(1_048_576).meta({
      description:
        'Largest request body that an agent hook may read, for example with express.json(). The body is buffered and forwarded. A larger body is refused when a hook reads it. 0: every body that a hook reads is refused.',
    }),
    watch: z.boolean().default(true).meta({ description: 'Whether edited hooks are reloaded while running.' }),
  })
  .prefault({})
  .meta({ description: 'The hook files.' });

/** Settings of the processes. */
export const processes = z
  .strictObject({
    machine: z
      .string()
      .regex(/^[\w.-]{1,100}$/)
      .optional()
      .meta({
        description:
          'Name of this machine, unique among all machines. It is the first part of process names such as web1-push-server-0 in logs, in webhooks and for targets. Clients do not see it. Absent: the host name.',
      }),
    hangMs: wait(60_000).meta({
      description:
        'How long the event loop of a process of gopush start may block before the process is killed and restarted; 0: no limit, for debuggers.',
    }),
  })
  .prefault({})
  .meta({ description: 'The processes of this machine.' });

/** Settings of the admin listeners. */
export const admin = z
  .nullable(
    z.strictObject({
      host: host()
        .default('127.0.0.1')
        .meta({ description: 'Address to listen on. Requests from other machines need one of admin.keys.' }),
      allowedHosts: z.array(host()).default([]).meta({
        description:
          'Public DNS names of this machine that requests may use, for example "node1.example.com". Addresses, names without a dot and private names need not be listed. Other names are refused, because a page could make them point here (DNS rebinding).',
      }),
      keys: z
        .array(
          z.strictObject({
            name: z.string().min(1).max(64).meta({ description: 'Name of the key in logs.' }),
            key: bearerKey(),
          }),
        )
        .max(20)
        .default([])
        .superRefine((keys, context) => {
          // The message must not contain the keys: they are secrets.
          if (new Set(keys.map(({ key }) => key)).size === keys.length) return;
          context.addIssue({ code: 'custom', message: 'keys that differ from each other' });
        })
        .meta({
          description:
            'Keys of operators. Requests from other machines need one, except for probes and metrics; actions from this machine need one as well. Empty: programs of this machine may read and act, and other machines may only request probes and metrics. List the old and the new key while you rotate them.',
        }),
      agentPort: port()
        .default(9600)
        .meta({ description: 'Port of the first agent; each further agent takes the next port.' }),
      serverPort: port()
        .default(9700)
        .meta({ description: 'Port of the first push-server; each further push-server takes the next port.' }),
      cluster: z.boolean().default(true).meta({
        description:
          'Whether each process publishes a summary of itself once a second, in Redis (redisAdapter) or in the folder of the store (pushServer.storeDir), so that any admin listener shows the whole cluster.',
      }),
    }),
  )
  .default(null)
  .meta({ description: 'The admin listener of each process, with health, metrics and state; null: none.' });

/** Settings of the logs. */
export const log = z
  .strictObject({
    requests: z.boolean().default(true).meta({ description: 'Whether to log a line per request and per tunnel.' }),
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .meta({ description: 'Lowest level to log.' }),
    format: z
      .enum(['auto', 'json', 'text'])
      .default('auto')
      .meta({ description: 'json or text; auto is text on a terminal, else json.' }),
  })
  .prefault({})
  .meta({ description: 'The logs.' });
