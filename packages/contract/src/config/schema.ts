import { z } from 'zod';
import { localhostOriginsNames, parseOriginEntry } from '../origins/allowed-origins.ts';
import { usualEnginePath } from '../routing/engine-path.ts';
import { chooseNames, identityNames, preflightNames, stickyNames } from '../routing/product.ts';
import { api, webhooks } from './schema-api.ts';
import { path } from './schema-path.ts';
import { redis } from './schema-redis.ts';

const port = () => z.int().min(0).max(65535);
const milliseconds = (max = 3_600_000) => z.int().min(1).max(max);
/** Milliseconds. 0 means none. */
const wait = (byDefault: number, max = 3_600_000) => z.int().min(0).max(max).default(byDefault);
/** A count. 0 means no limit. */
const limit = (max = 10_000_000, byDefault = 0) => z.int().min(0).max(max).default(byDefault);
const networks = () => z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]);
/** Origins of pages, parsed to the form in which they are compared. */
const origins = () => z.array(z.string().min(1)).default([]).transform(readOrigins);

function readOrigins(entries: readonly string[], context: z.RefinementCtx): string[] {
  return entries.map((entry, index) => {
    const parsed = parseOriginEntry(entry);
    if (typeof parsed === 'string') return parsed;
    context.addIssue({ code: 'custom', path: [index], message: parsed.wanted });
    return entry;
  });
}

const host = () => z.string().min(1).max(255);

/** Whether an address can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** Whether an address to listen on stands for all addresses of the machine. */
function isEveryAddress(address: string): boolean {
  return /^(0|0\.0\.0\.0|::|\*|(0+:){7}0+)$/.test(address);
}

const tls = z.strictObject({
  certFile: z.string().min(1).meta({
    description:
      'PEM file with the certificate, relative to the project. Intermediate certificates may follow in the same file.',
  }),
  keyFile: z.string().min(1).meta({
    description: 'PEM file with the private key, without a passphrase, relative to the project.',
  }),
  caFile: z.string().min(1).optional().meta({
    description:
      'PEM file with the intermediate certificates, if certFile does not contain them. Clients are not asked for certificates.',
  }),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').meta({ description: 'Lowest TLS version accepted.' }),
});

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
    agent: z
      .strictObject({
        host: host().optional().meta({ description: 'Address to listen on; absent: all addresses.' }),
        tls: z.nullable(tls).default(null).meta({
          description:
            'Certificate for TLS between clients and agents; null: no TLS. The files are watched and reloaded.',
        }),
        connectTimeoutMs: milliseconds()
          .default(3_000)
          .meta({ description: 'How long connecting to a target may take.' }),
        answerTimeoutMs: milliseconds().default(60_000).meta({
          description:
            'How long a target may take to begin its response. Keep it above pushServer.pingIntervalMs, for long-polling.',
        }),
        handshakeTimeoutMs: milliseconds()
          .default(10_000)
          .meta({ description: 'How long a target may take to respond to an upgrade.' }),
        headerTimeoutMs: milliseconds()
          .default(10_000)
          .meta({ description: 'How long a client may take to send its headers.' }),
        keepAliveMs: milliseconds().default(75_000).meta({
          description:
            'How long an idle connection of a client stays open. The default is above the 60 s of most load balancers: they close first, and no request is lost.',
        }),
        requestsPerConnection: limit(1_000_000_000).meta({
          description: 'Requests on one connection of a client before it is closed; 0: no limit.',
        }),
        targetKeepAliveMs: wait(4_000).meta({
          description:
            'How long an idle connection to a target is kept for the next request. The default is below the 5 s after which many servers close. A shorter Keep-Alive: timeout=N of the target is respected. 0: connections are not kept.',
        }),
        bodyTimeoutMs: wait(30_000).meta({
          description:
            'How long the body of a request may stall, and how far it may fall behind bodyBytesPerSecond, before the response is 408; 0: no limit.',
        }),
        bodyBytesPerSecond: limit(1_000_000_000, 100).meta({
          description:
            'Lowest rate, in bytes per second, at which a client must send a body once bodyTimeoutMs has passed; 0: any rate.',
        }),
        sendTimeoutMs: wait(60_000).meta({
          description:
            'How long a client may read nothing of a waiting response before its connection is closed; 0: no limit.',
        }),
        maxHeaderBytes: z.int().min(1_024).max(1_048_576).default(16_384).meta({
          description:
            'Largest headers of a request. Push-servers accept the same size plus the headers that agents add.',
        }),
        drainMs: z
          .int()
          .min(0)
          .max(3_600_000)
          .default(10_000)
          .meta({ description: 'How long open requests and tunnels may continue after a stop was requested.' }),
        retireMs: z.int().min(0).max(604_800_000).default(86_400_000).meta({
          description:
            'How long open requests and tunnels may continue at an agent that a reload (SIGHUP) has replaced.',
        }),
        closePerSecond: z.int().min(1).max(1_000_000).default(500).meta({
          description: 'Tunnels closed per second at a stop, so that clients do not all reconnect at once.',
        }),
        tunnelIdleMs: z
          .int()
          .min(0)
          .max(86_400_000)
          .default(0)
          .meta({ description: 'How long a tunnel may carry no byte before it is closed; 0: no limit.' }),
        tunnelMaxAgeMs: z
          .int()
          .min(0)
          .max(604_800_000)
          .default(0)
          .meta({ description: 'How long a tunnel may stay open at all; 0: no limit.' }),
        notReadyMs: wait(0, 600_000).meta({
          description:
            'How long a stopping agent reports that it is not ready before it stops listening, for load balancers.',
        }),
      })
      .prefault({})
      .meta({ description: 'The agents.' }),
    pushServer: z
      .strictObject({
        host: host().default('127.0.0.1').meta({
          description: 'Address to listen on. Push-servers trust every program that can reach them: keep it private.',
        }),
        path: path(usualEnginePath).meta({
          description:
            "Path of Socket.IO on push-servers. Clients pass the same path (io(url, { path })), and the client library is served below it, for example '/socket.io/socket.io.js'. Agents read this setting too.",
        }),
        allowEIO3: z.boolean().default(false).meta({
          description:
            'Whether to accept Socket.IO 2 clients, which use version 3 of the Engine.IO protocol. Their sessions do not migrate: they reconnect at each restart of their push-server.',
        }),
        keepAliveMs: milliseconds().default(75_000).meta({
          description:
            'How long an idle connection stays open. Keep it above agent.targetKeepAliveMs, so that agents close first.',
        }),
        requestsPerConnection: limit(1_000_000_000).meta({
          description: 'Requests on one connection before it is closed; 0: no limit.',
        }),
        headerTimeoutMs: milliseconds()
          .default(10_000)
          .meta({ description: 'How long the headers of a request may take to arrive.' }),
        requestTimeoutMs: wait(300_000).meta({
          description: 'How long a whole request may take to arrive; 0: no limit.',
        }),
        allowedOrigins: origins().meta({
          description:
            'Origins of pages that may connect to push-servers directly, in the form of access.allowedOrigins. The push-servers accept the hosts of these origins as their own names. For pages that connect through an agent, use access.allowedOrigins.',
        }),
        announceHost: host()
          .refine((name) => !isEveryAddress(name), {
            error: 'an address or name at which agents can reach the push-server',
          })
          .optional()
          .meta({
            description:
              'Address or name at which agents reach the push-server (routing.discover). Absent: pushServer.host; if that means all addresses, the local address from which this machine connects to Redis.',
          }),
        weight: z.number().min(0).max(1_000_000).default(1).meta({
          description: 'Weight of the push-server among those that agents discover: its share of the clients.',
        }),
        limits: z
          .strictObject({
            connections: limit().meta({
              description:
                'Connections of one push-server. Above the limit agents try another push-server. 0: no limit.',
            }),
            connectionsPerUid: limit().meta({
              description: 'Connections of one uid, counted over all connected push-servers; 0: no limit.',
            }),
            whenFull: z.enum(['refuse', 'replace']).default('refuse').meta({
              description:
                'What happens at the limit of connectionsPerUid: refuse the new connection, or replace the oldest.',
            }),
            beginDelayMs: wait(250, 60_000).meta({
              description:
                'Limit on the delay with which sessions begin. When most sessions take longer than twice the fastest plus this time, the push-server admits fewer at a time and refuses the rest. 0: it refuses none.',
            }),
            roomsPerSocket: z
              .int()
              .min(1)
              .max(1_000_000)
              .default(1_000)
              .meta({ description: 'Rooms that one connection may join.' }),
            namespacesPerConnection: z.int().min(1).max(1_000).default(16).meta({
              description: 'Socket.IO namespaces that one connection may be in at a time.',
            }),
            messagesPerSecond: limit(1_000_000, 1_000).meta({
              description:
                'Messages per second of one connection over all its namespaces. After a pause as many may come in one burst. 0: no limit.',
            }),
            bytesPerMinute: limit(1_099_511_627_776, 67_108_864).meta({
              description:
                'Bytes of messages per minute of one connection, so that one client cannot fill the store. After a pause as many may come in one burst. 0: no limit.',
            }),
            sendQueueBytes: z.int().min(1_024).max(1_073_741_824).default(4_194_304).meta({
              description:
                'Bytes that may wait to be sent to one connection. Above half of it volatile messages are dropped; above it the connection is closed.',
            }),
          })
          .prefault({})
          .meta({ description: 'Limits of one push-server.' }),
        adminUi: z
          .nullable(
            z.strictObject({
              username: z.string().min(1).max(255).meta({ description: 'User name for the admin page.' }),
              passwordHash: z
                .string()
                .regex(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/, 'a bcrypt hash')
                .meta({ description: 'bcrypt hash of the password.' }),
              namespace: z
                .string()
                .regex(/^\/[\w./-]{1,64}$/, 'a namespace such as /gopush-admin')
                .default('/gopush-admin')
                .meta({
                  description:
                    'Socket.IO namespace of the admin page. Enter it there as part of the server URL. Do not use it for anything else.',
                }),
            }),
          )
          .default(null)
          .meta({
            description:
              "Access to the push-servers from Socket.IO's admin page (https://admin.socket.io); null: no access. Without an agent in between, pushServer.allowedOrigins must list the page. Password attempts are limited to 10 per minute from one address and 60 per minute in all.",
          }),
        publicDir: z
          .string()
          .min(1)
          .optional()
          .meta({ description: 'Folder of static files to serve, relative to the project; absent: none.' }),
        storeDir: z.string().min(1).optional().meta({
          description:
            'Folder of the store without Redis, relative to the project: history, inboxes, presence and sessions of the push-servers of one machine. Absent: .gopush/store.',
        }),
        storeMaxBytes: z.int().min(1_048_576).max(1_099_511_627_776).default(1_073_741_824).meta({
          description:
            'Largest size of the store in storeDir. Near the limit the oldest room messages are removed; above it new messages are not stored. With Redis, maxmemory is the limit.',
        }),
        lastSeenMs: wait(604_800_000, 31_536_000_000).meta({
          description:
            'How long the time of the last connection of a user is kept; 0: not at all. It is kept for every user ever seen.',
        }),
        history: z
          .strictObject({
            count: z.int().min(0).max(100_000).default(100).meta({ description: 'Messages kept per room; 0: none.' }),
            ageMs: milliseconds(86_400_000 * 30)
              .default(300_000)
              .meta({ description: 'How long messages of a room are kept.' }),
            bytes: z
              .int()
              .min(1_024)
              .max(1_073_741_824)
              .default(1_048_576)
              .meta({ description: 'Bytes kept per room.' }),
          })
          .prefault({})
          .meta({ description: 'The history of each room: the messages that clients get after a reconnect.' }),
        inbox: z
          .strictObject({
            count: z
              .int()
              .min(1)
              .max(100_000)
              .default(1_000)
              .meta({ description: 'Messages that may wait for one user.' }),
            bytes: z
              .int()
              .min(1_024)
              .max(1_073_741_824)
              .default(4_194_304)
              .meta({ description: 'Bytes that may wait for one user.' }),
            ttlMs: milliseconds(86_400_000 * 365)
              .default(86_400_000 * 7)
              .meta({ description: 'How long a message waits, unless it has a ttlMs of its own.' }),
          })
          .prefault({})
          .meta({ description: 'The inbox of each user: messages that wait until a device acknowledges them.' }),
        emitted: z
          .strictObject({
            nodeBytes: z
              .int()
              .min(0)
              .max(1_073_741_824)
              .default(16_777_216)
              .meta({ description: 'Bytes kept on each push-server. Above it the oldest events are dropped.' }),
            nodeCount: z
              .int()
              .min(0)
              .max(10_000_000)
              .default(50_000)
              .meta({ description: 'Events kept on each push-server. Above it the oldest are dropped.' }),
            clientBytes: z
              .int()
              .min(0)
              .max(16_777_216)
              .default(1_048_576)
              .meta({ description: 'Bytes that one client may have missed. With more it gets a new session.' }),
            clientCount: z
              .int()
              .min(0)
              .max(100_000)
              .default(1_000)
              .meta({ description: 'Events that one client may have missed. With more it gets a new session.' }),
          })
          .prefault({})
          .meta({
            description:
              'Events that handlers and programs emit (`io.emit`, `io.to(room).emit`, `socket.emit` and the like) are kept for `recoveryMs`, so that a client that lost its connection gets those it missed. If some are no longer kept, the client gets a new session: `recovered` is false.',
          }),
        recoveryMs: wait(120_000).meta({
          description: 'How long the session of a client is kept after its connection was lost; 0: not at all.',
        }),
        answerMs: wait(2_000, 60_000).meta({
          description:
            'How long handlers may take to respond to events that they have received, before their session migrates to another push-server.',
        }),
        graceMs: wait(5_000).meta({
          description:
            'How long a client still counts as online after its connection was lost. Most clients reconnect at once.',
        }),
        isolateProducts: z.boolean().default(false).meta({
          description:
            'Whether each product has its own rooms, users, presence and inboxes. If false, all products of a push-server share them: the same room name is the same room, the same uid the same user.',
        }),
        senders: z.boolean().default(false).meta({
          description:
            'Whether room messages carry `sender`, the uid of the client that published them. It is set from the identity that the agent gave; clients cannot set it.',
        }),
        presenceEvents: z
          .boolean()
          .default(false)
          .meta({ description: 'Whether rooms get go:presence events when users join and leave.' }),
        leaseMs: milliseconds(600_000).default(10_000).meta({
          description: 'Presence lease: how long the clients of a push-server that died still count as online.',
        }),
        fanoutDir: z.string().min(1).optional().meta({
          description:
            'Folder of the Unix sockets that connect the push-servers of one machine without Redis. Absent: a folder in the temporary directory, named after the project and port.',
        }),
        pingIntervalMs: milliseconds().default(25_000).meta({ description: 'Interval between pings to a client.' }),
        pingTimeoutMs: milliseconds()
          .default(20_000)
          .meta({ description: 'How long a client may take to answer a ping.' }),
        maxMessageBytes: z
          .int()
          .min(1)
          .max(104_857_600)
          .default(1_000_000)
          .meta({ description: 'Largest message of a client.' }),
        drainMs: z.int().min(0).max(3_600_000).default(5_000).meta({
          description: 'How long open requests and the migration of sessions may take after a stop was requested.',
        }),
      })
      .prefault({})
      .meta({ description: 'The built-in push-servers.' }),
    hooks: z
      .strictObject({
        timeoutMs: milliseconds(600_000).default(5_000).meta({ description: 'How long one call of a hook may take.' }),
        maxBodyBytes: z.int().min(0).max(104_857_600).default(1_048_576).meta({
          description:
            'Largest request body that an agent hook may read, for example with express.json(). The body is buffered and forwarded. A larger body is refused when a hook reads it. 0: every body that a hook reads is refused.',
        }),
        watch: z.boolean().default(true).meta({ description: 'Whether edited hooks are reloaded while running.' }),
      })
      .prefault({})
      .meta({ description: 'The hook files.' }),
    access: z
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
            'Networks whose connections must begin with a PROXY protocol header, version 1 or 2. From other networks the header is refused.',
        }),
        allowedTargets: networks().meta({
          description: 'Networks in which the targets of router functions must be; empty: any.',
        }),
        secrets: z.array(z.string().min(16).max(1_024)).max(2).default([]).meta({
          description:
            'Secrets with which agents sign identities. The first signs, both verify, so that a secret can be rotated. Required for push-servers that other machines can reach.',
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
            'Whether push-servers accept signatures without an audience (v1). For the time in which agents are updated.',
        }),
        identityTtlMs: milliseconds(86_400_000)
          .default(60_000)
          .meta({ description: 'How long a signed identity is valid.' }),
      })
      .prefault({})
      .meta({ description: 'Who may connect, and who is trusted.' }),
    routing: z
      .strictObject({
        choose: z.enum(chooseNames).default('hash').meta({
          description:
            'How a target is chosen. hash keeps a client on its target; bounded-hash does the same unless that target is overloaded; the others spread clients by load.',
        }),
        boundedLoad: z.number().min(1.01).max(100).default(1.25).meta({
          description:
            'With bounded-hash: the multiple of its fair share that a target takes before clients go to their next choice.',
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
            'What agents do with CORS preflights, which carry no credentials. "answer": agents respond to those from access.allowedOrigins. "pass": targets get those of all origins, without a uid and without a call of a hook.',
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
      }),
    health: z
      .strictObject({
        failures: z.int().min(1).max(1_000).default(3).meta({
          description:
            'Failures in a row after which a target is ejected: it gets no clients for a while. Failed connections count, and failed health probes.',
        }),
        ejectMs: milliseconds()
          .default(1_000)
          .meta({ description: 'Length of the first ejection; each further one is twice as long.' }),
        maxEjectMs: milliseconds().default(30_000).meta({ description: 'Longest ejection.' }),
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
      .meta({ description: 'Which targets get clients.' }),
    hold: z
      .strictObject({
        timeoutMs: wait(10_000, 600_000).meta({
          description: 'How long clients of a product queue while none of its targets is up; 0: they do not queue.',
        }),
        maxWaiting: z
          .int()
          .min(1)
          .max(1_000_000)
          .default(10_000)
          .meta({ description: 'Clients in the queue at a time.' }),
        maxBytes: z
          .int()
          .min(1_024)
          .max(2_147_483_647)
          .default(67_108_864)
          .meta({ description: 'Bytes of request headers in the queue at a time.' }),
      })
      .prefault({})
      .meta({ description: 'The queue for clients while no target is up.' }),
    seamless: z
      .strictObject({
        enabled: z.boolean().default(true).meta({
          description:
            'Whether agents keep the connections of clients when a push-server restarts or crashes, while the sessions migrate or fail over to another push-server.',
        }),
        holdMs: wait(10_000, 600_000).meta({
          description:
            'How long a client is held until a target takes its session. Time in the queue of a target that is taking other sessions does not count.',
        }),
        silentMs: wait(10_000, 600_000).meta({
          description:
            'How long a target with tunnels may be silent before its sessions fail over; 0: no limit. A silent target gets a heartbeat each second. If its machine cannot be reached, or if it has left the list of targets, 3 s of silence are enough.',
        }),
        frameBytes: z.int().min(125).max(16_777_216).default(65_536).meta({
          description:
            'Largest frame of a client that is replayed to the next push-server after a crash in the middle of it.',
        }),
        movesPerSecond: z.int().min(1).max(1_000_000).default(1_000).meta({
          description:
            'Most sessions that an agent migrates or fails over per second. Below that each target sets its own pace.',
        }),
        maxHeldBytes: z.int().min(0).max(2_147_483_647).default(67_108_864).meta({
          description:
            'Bytes of clients that an agent buffers for the next target, in all. Above it clients have to reconnect.',
        }),
      })
      .prefault({})
      .meta({
        description: 'Seamless restarts: sessions that migrate (planned) or fail over (crash) without a disconnect.',
      }),
    limits: z
      .strictObject({
        connections: limit().meta({
          description: 'Connections of clients in all; 0: no limit. All limits of this group are per agent.',
        }),
        connectionsPerIp: limit().meta({
          description:
            'Connections of one address (IPv6: of one /64 network). Trusted proxies have no limit. 0: no limit.',
        }),
        tunnelsPerUid: limit().meta({ description: 'Tunnels of one uid; 0: no limit.' }),
        newPerSecond: limit().meta({ description: 'New connections per second in all; 0: no limit.' }),
        newPerSecondPerIp: limit().meta({ description: 'New connections per second of one address; 0: no limit.' }),
        headers: z.int().min(10).max(10_000).default(100).meta({ description: 'Headers of one request.' }),
        eventLoopDelayMs: wait(1_000, 60_000).meta({
          description:
            'Delay of the event loop above which an agent is overloaded and refuses new requests. If the delay stays above a quarter of it, fewer sessions may begin at a time. Open tunnels are not affected. 0: no limit.',
        }),
      })
      .prefault({})
      .meta({ description: 'Limits of one agent.' }),
    processes: z
      .strictObject({
        machine: z
          .string()
          .regex(/^[\w.-]{1,100}$/)
          .optional()
          .meta({
            description:
              'Name of this machine, unique among all machines. It is the first part of process names such as web1-push-server-0, which logs, peers and clients see. Absent: the host name.',
          }),
        hangMs: wait(60_000).meta({
          description:
            'How long the event loop of a process of gopush start may block before the process is killed and restarted; 0: no limit, for debuggers.',
        }),
      })
      .prefault({})
      .meta({ description: 'The processes of this machine.' }),
    admin: z
      .nullable(
        z.strictObject({
          host: host()
            .default('127.0.0.1')
            .meta({ description: 'Address to listen on. Every program that can reach it is trusted.' }),
          allowedHosts: z.array(host()).default([]).meta({
            description:
              'Public DNS names of this machine that requests may use, for example "node1.example.com". Addresses, names without a dot and private names need not be listed. Other names are refused, because a page could make them point here (DNS rebinding).',
          }),
          agentPort: port()
            .default(9600)
            .meta({ description: 'Port of the first agent; each further agent takes the next port.' }),
          serverPort: port()
            .default(9700)
            .meta({ description: 'Port of the first push-server; each further push-server takes the next port.' }),
        }),
      )
      .default(null)
      .meta({ description: 'The admin listener of each process, with health, metrics and state; null: none.' }),
    api,
    webhooks,
    log: z
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
      .meta({ description: 'The logs.' }),
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

/** Settings as users write them. All are optional: each has a default. */
export type ConfigInput = DeepReadonly<z.input<typeof configSchema>>;

/** Settings as code reads them: complete and frozen. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;

/** How to reach Redis. */
export type RedisConfig = NonNullable<Config['redisAdapter']>;
