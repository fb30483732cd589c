import { z } from 'zod';

/** All that a key of the HTTP API can be used for. */
export const apiScopes = ['publish', 'read', 'admin'] as const;

/** What a key may be used for. */
export type ApiScope = (typeof apiScopes)[number];

/** What webhooks can tell. */
const webhookEvents = ['connect', 'disconnect', 'room_occupied', 'room_empty', 'message'] as const;

/** What a webhook can tell. */
export type WebhookEventName = (typeof webhookEvents)[number];

const apiKey = z.strictObject({
  name: z.string().min(1).max(64).meta({ description: 'By which the logs name it.' }),
  key: z.string().min(24).max(1_024).meta({ description: 'The key itself.' }),
  scopes: z.array(z.enum(apiScopes)).min(1).meta({ description: 'What it may be used for.' }),
  products: z.array(z.string().min(1).max(128)).min(1).optional().meta({
    description: 'Products whose rooms and users it may be used for, with pushServer.isolateProducts; absent: all.',
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
        // Not shown which: these are secrets.
        if (new Set(keys.map(({ key }) => key)).size === keys.length) return;
        context.addIssue({ code: 'custom', message: 'keys that differ from each other' });
      })
      .meta({
        description:
          'Keys with which back ends ask push-servers under /api/v1; none: there is no API. With several they can be changed one after the other.',
      }),
    maxBodyBytes: z
      .int()
      .min(1_024)
      .max(104_857_600)
      .default(1_048_576)
      .meta({ description: 'Largest body of a request.' }),
    perSecond: z.int().min(0).max(10_000_000).default(0).meta({
      description: 'Requests a second of one key at one push-server, each message of a batch being one; 0: no limit.',
    }),
  })
  .prefault({})
  .meta({ description: 'The HTTP API of the push-servers.' });

const webhook = z.strictObject({
  url: z
    .string()
    .max(2_048)
    .regex(/^https?:\/\/[^\s/?#@]+([/?]\S*)?$/)
    .meta({ description: 'Where events are posted to; http or https, without a user and password.' }),
  secret: z.string().min(16).max(1_024).meta({ description: 'Signs what is posted.' }),
  events: z.array(z.enum(webhookEvents)).min(1).meta({ description: 'What is told.' }),
  timeoutMs: z.int().min(1).max(600_000).default(10_000).meta({ description: 'How long one attempt may take.' }),
  attempts: z.int().min(1).max(100).default(10).meta({ description: 'How often it is tried.' }),
  queueCount: z.int().min(1).max(1_000_000).default(10_000).meta({ description: 'Events that may wait.' }),
  queueBytes: z.int().min(1_024).max(1_073_741_824).default(16_777_216).meta({ description: 'Bytes that may wait.' }),
});

/** Settings of webhooks. */
export const webhooks = z.array(webhook).max(20).default([]).meta({
  description:
    'Who is told by signed requests what happens on the push-servers. Beyond queueCount (10000) or queueBytes (16 MiB) the oldest events go to the dead letters.',
});
