import { z } from 'zod';
import { bearerKey } from './parts.ts';

/** The scopes of an API key. */
export const apiScopes = ['publish', 'read', 'admin'] as const;

/** A scope of an API key. */
export type ApiScope = (typeof apiScopes)[number];

/** The events of webhooks. */
const webhookEvents = ['connect', 'disconnect', 'room_occupied', 'room_empty', 'message'] as const;

/** An event of webhooks. */
export type WebhookEventName = (typeof webhookEvents)[number];

const apiKey = z.strictObject({
  name: z.string().min(1).max(64).meta({ description: 'Name of the key in logs.' }),
  key: bearerKey(),
  scopes: z.array(z.enum(apiScopes)).min(1).meta({ description: 'Operations that the key allows.' }),
  products: z.array(z.string().min(1).max(128)).min(1).optional().meta({
    description:
      'Products whose rooms and users the key may access, with pushServer.isolateProducts; absent: all products.',
  }),
});

/** Settings of the HTTP API. */
export const api = z
  .strictObject({
    keys: z
      .array(apiKey)
      .max(100)
      .default([])
      .superRefine((keys, context) => {
        // The message must not contain the keys: they are secrets.
        if (new Set(keys.map(({ key }) => key)).size === keys.length) return;
        context.addIssue({ code: 'custom', message: 'keys that differ from each other' });
      })
      .meta({
        description:
          'Keys for the HTTP API of push-servers under /api/v1; empty: the API is off. List the old and the new key while you rotate them.',
      }),
    maxBodyBytes: z
      .int()
      .min(1_024)
      .max(104_857_600)
      .default(1_048_576)
      .meta({ description: 'Largest body of a request.' }),
    perSecond: z.int().min(0).max(10_000_000).default(0).meta({
      description: 'Requests per second of one key at one push-server; each message of a batch counts. 0: no limit.',
    }),
  })
  .prefault({})
  .meta({ description: 'The HTTP API of the push-servers.' });

const webhook = z.strictObject({
  url: z
    .string()
    .max(2_048)
    .regex(/^https?:\/\/[^\s/?#@]+([/?]\S*)?$/)
    .meta({ description: 'URL that events are posted to: http or https, without user and password.' }),
  secret: z.string().min(16).max(1_024).meta({ description: 'Secret that signs the requests.' }),
  events: z.array(z.enum(webhookEvents)).min(1).meta({ description: 'Events to post.' }),
  timeoutMs: z.int().min(1).max(600_000).default(10_000).meta({ description: 'How long one attempt may take.' }),
  attempts: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .meta({ description: 'Attempts before an event goes to the dead letters.' }),
  queueCount: z.int().min(1).max(1_000_000).default(10_000).meta({ description: 'Events in the queue at a time.' }),
  queueBytes: z
    .int()
    .min(1_024)
    .max(1_073_741_824)
    .default(16_777_216)
    .meta({ description: 'Bytes in the queue at a time.' }),
});

/** Settings of webhooks. */
export const webhooks = z.array(webhook).max(20).default([]).meta({
  description:
    'Webhooks: signed requests with the events of the push-servers. An event goes to the dead letters after attempts (10) failed tries of at most timeoutMs (10000) each. If the queue exceeds queueCount (10000) or queueBytes (16 MiB), its oldest events go there too.',
});
