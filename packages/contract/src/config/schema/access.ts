import { z } from 'zod';
import { localhostOriginsNames } from '../../origins/allowed-origins.ts';
import { milliseconds, networks, origins } from './parts.ts';

/** Settings of trust: origins, proxies, secrets. */
export const access = z
  .strictObject({
    allowedOrigins: origins().meta({
      description:
        'Origins of pages that may connect, besides the origin of the gateway itself, for example "https://app.example.com". "https://*.example.com" matches all names below example.com, but not example.com itself; "*" matches any page. The default scheme is https.',
    }),
    localhostOrigins: z.enum(localhostOriginsNames).default('development').meta({
      description:
        'Whether pages of http://localhost, 127.0.0.1, [::1] and names below localhost may connect, from any port. "development" allows them if GOPUSH_ENV (else NODE_ENV) is dev or development. If it is local, or neither is set, "development" allows them only for requests whose host is not a public DNS name.',
    }),
    trustedProxies: networks().meta({
      description:
        'Networks of proxies in front of the agents. Their X-Forwarded-…, Forwarded and X-Real-IP headers are trusted; they must set or remove all of these headers.',
    }),
    proxyProtocol: networks().meta({
      description:
        'Networks whose connections must begin with a PROXY protocol header, version 1 or 2. Connections from other networks must not send this header.',
    }),
    allowedTargets: networks().meta({
      description: 'Networks in which the targets of router functions must be; empty: any.',
    }),
    secrets: z.array(z.string().min(16).max(1_024)).max(2).default([]).meta({
      description:
        'At most two secrets with which agents sign identities. Agents sign with the first; push-servers accept both, so that a secret can be rotated. Required for push-servers that other machines can reach.',
    }),
    audiences: z
      .array(z.string().regex(/^[!-~]{1,300}$/))
      .default([])
      .meta({
        description:
          'Further names of a push-server, besides its own addresses, for example "push.internal:4000". Needed if a router lists it by a DNS name or if it is behind a forwarded port. Identities signed for another audience are refused.',
      }),
    oldSignatures: z.boolean().default(false).meta({
      description:
        'Whether push-servers accept signatures without an audience (v1). Turn it on only while agents are being updated.',
    }),
    identityTtlMs: milliseconds(86_400_000)
      .default(60_000)
      .meta({ description: 'How long a signed identity is valid.' }),
  })
  .prefault({})
  .meta({ description: 'Who may connect, and who is trusted.' });
