import { z } from 'zod';
import { chooseNames, identityNames, preflightNames, stickyNames } from '../../routing/product.ts';
import { limit, milliseconds, wait } from './parts.ts';

/** Settings of routing to several targets. */
export const routing = z
  .strictObject({
    choose: z.enum(chooseNames).default('hash').meta({
      description:
        'How a target is chosen. hash keeps a client on its target; bounded-hash does the same unless that target is overloaded; the others spread clients by load.',
    }),
    boundedLoad: z.number().min(1.01).max(100).default(1.25).meta({
      description:
        'With bounded-hash: a target takes up to this multiple of its fair share; further clients go to their next choice.',
    }),
    sticky: z.enum(stickyNames).default('sid').meta({
      description:
        'What keeps a session on its target while the list of targets changes: the Engine.IO sid, a cookie, or nothing.',
    }),
    maxMoves: z.int().min(0).max(10).default(2).meta({
      description: 'How many other targets are tried for a request when a target refuses the connection.',
    }),
    retryPercent: z.number().min(0).max(100).default(20).meta({
      description:
        'Limit of retries at other targets, in percent of all requests. 10 retries per second are always allowed. Prevents a storm of retries.',
    }),
    discover: z.boolean().default(false).meta({
      description:
        'Whether the built-in targets are the push-servers of all machines that announce themselves in the store. If false, they are those of this configuration.',
    }),
    identity: z.enum(identityNames).default('headers').meta({
      description:
        'How targets other than push-servers get the identity of a client: in headers, or in headers and as uid= in the query, as in gopush 0.1.',
    }),
    preflight: z.enum(preflightNames).default('answer').meta({
      description:
        'What agents do with CORS preflights, which carry no credentials. "answer": agents respond to those from access.allowedOrigins. "pass": targets get those of all origins, without a uid; no hook is called.',
    }),
    reuse: z.boolean().default(true).meta({
      description:
        'Whether requests of several clients may use the same connection to a target, one after another. Turn it off for targets that do not read request bodies to the end.',
    }),
    dnsServers: z.array(z.string().min(1)).default([]).meta({
      description: 'Name servers for targets given by DNS, for example "10.0.0.2:53"; empty: those of the system.',
    }),
  })
  .prefault({})
  .meta({
    description: 'How clients are spread over targets. A product of the router can override it.',
  });

/** Settings of probes. */
export const health = z
  .strictObject({
    failures: z.int().min(1).max(1_000).default(3).meta({
      description:
        'Failures in a row after which a target is ejected: it gets no clients for a while. Failed connections and failed health probes count.',
    }),
    ejectMs: milliseconds()
      .default(1_000)
      .meta({ description: 'Length of the first ejection; each further one is twice as long.' }),
    maxEjectMs: milliseconds().default(30_000).meta({
      description:
        'Longest ejection. If the machine of a target cannot be reached, it lasts until the agent can connect to it.',
    }),
    maxEjectedPercent: z.int().min(0).max(100).default(50).meta({
      description: 'Share of the targets of a product that may be ejected at the same time, in percent.',
    }),
    slowStartMs: wait(0).meta({
      description:
        'How long the weight of a new or returning target takes to rise to its full value; 0: it is full at once.',
    }),
    check: z
      .string()
      .regex(/^(none|tcp|\/[!-~]*)$/, 'none, tcp or a path')
      .default('none')
      .meta({ description: 'Health probe of targets: none, tcp, or an HTTP path such as "/readyz".' }),
    checkIntervalMs: milliseconds().default(2_000).meta({ description: 'Interval between health probes.' }),
    checkTimeoutMs: milliseconds().default(1_000).meta({ description: 'How long a health probe may take.' }),
  })
  .prefault({})
  .meta({ description: 'Which targets get clients.' });

/** Settings of requests that wait for a target. */
export const hold = z
  .strictObject({
    timeoutMs: wait(10_000, 600_000).meta({
      description: 'How long clients of a product queue while none of its targets is up; 0: they do not queue.',
    }),
    maxWaiting: z.int().min(1).max(1_000_000).default(10_000).meta({ description: 'Clients in the queue at a time.' }),
    maxBytes: z
      .int()
      .min(1_024)
      .max(2_147_483_647)
      .default(67_108_864)
      .meta({ description: 'Bytes of request headers in the queue at a time.' }),
  })
  .prefault({})
  .meta({ description: 'The queue for clients while no target is up.' });

/** Settings of session migration. */
export const seamless = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      description:
        'Whether agents keep the connections of clients when a push-server restarts or crashes, while the sessions migrate or fail over to another push-server.',
    }),
    holdMs: wait(10_000, 600_000).meta({
      description:
        'How long a client waits for the next target while no target takes any session. While targets take other sessions, it waits for up to pushServer.pingIntervalMs + pushServer.pingTimeoutMs.',
    }),
    silentMs: wait(10_000, 600_000).meta({
      description:
        'How long a target with tunnels may be silent before its sessions fail over; 0: no limit. A silent target gets a heartbeat each second. If its machine cannot be reached, or if it has left the list of targets, 3 s of silence are enough.',
    }),
    frameBytes: z.int().min(125).max(16_777_216).default(65_536).meta({
      description:
        'Maximum number of bytes of an incomplete event of a client that an agent keeps, to replay them to the next push-server after a crash. If there are more, the client has to reconnect.',
    }),
    movesPerSecond: z.int().min(1).max(1_000_000).default(10_000).meta({
      description:
        'Maximum number of sessions that an agent migrates or fails over per second. Up to this rate, each target sets its own pace.',
    }),
    maxHeldBytes: z.int().min(0).max(2_147_483_647).default(67_108_864).meta({
      description:
        'Bytes from clients that an agent buffers in all for the next target. Above it clients have to reconnect.',
    }),
  })
  .prefault({})
  .meta({
    description: 'Seamless restarts: sessions that migrate (planned) or fail over (crash) without a disconnect.',
  });

/** Settings of the limits of agents. */
export const limits = z
  .strictObject({
    connections: limit().meta({
      description: 'Connections of clients in all; 0: no limit. All limits of this group are per agent.',
    }),
    connectionsPerIp: limit().meta({
      description: 'Connections of one address (IPv6: of one /64 network). Trusted proxies have no limit. 0: no limit.',
    }),
    tunnelsPerUid: limit().meta({ description: 'Tunnels of one uid; 0: no limit.' }),
    newPerSecond: limit().meta({ description: 'New connections per second in all; 0: no limit.' }),
    newPerSecondPerIp: limit().meta({ description: 'New connections per second of one address; 0: no limit.' }),
    headers: z.int().min(10).max(10_000).default(100).meta({ description: 'Headers of one request.' }),
    eventLoopDelayMs: wait(1_000, 60_000).meta({
      description:
        'Delay of the event loop above which an agent is overloaded and refuses new requests. If the delay stays above a quarter of it, the agent lets fewer sessions start at the same time. Open tunnels are not affected. 0: no limit.',
    }),
  })
  .prefault({})
  .meta({ description: 'Limits of one agent.' });
