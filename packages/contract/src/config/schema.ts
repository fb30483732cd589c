import { z } from 'zod';
import { localhostOriginsNames, parseOriginEntry } from '../allowed-origins.ts';
import { usualEnginePath } from '../engine-path.ts';
import { chooseNames, identityNames, preflightNames, stickyNames } from '../product.ts';
import { api, webhooks } from './schema-api.ts';
import { path } from './schema-path.ts';
import { redis } from './schema-redis.ts';

const port = () => z.int().min(0).max(65535);
const milliseconds = (max = 3_600_000) => z.int().min(1).max(max);
/** Milliseconds of which 0 is none. */
const wait = (byDefault: number, max = 3_600_000) => z.int().min(0).max(max).default(byDefault);
/** A number of something of which 0 is no limit. */
const limit = (max = 10_000_000, byDefault = 0) => z.int().min(0).max(max).default(byDefault);
const networks = () => z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]);
/** Origins of pages, in the one form in which they can match. */
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

/** Whether only programs of this machine reach an address. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** Whether an address to listen on stands for all that a machine has. */
function isEveryAddress(address: string): boolean {
  return /^(0|0\.0\.0\.0|::|\*|(0+:){7}0+)$/.test(address);
}

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

/**
 * Every setting of gopush with its type, bounds and default: the one source of the parser, the environment variables, the
 * JSON Schema and the table in the docs. The five at top level are those of gopush 0.1; newer ones live in groups.
 */
export const configSchema = z
  .strictObject({
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
      description:
        'Redis that joins push-servers of several machines; null joins those of one machine without a server.',
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
        keepAliveMs: milliseconds().default(75_000).meta({
          description:
            'How long the connection of a client stays open without a request. Above the 60 s of most load balancers, so that they close it first and lose no request.',
        }),
        requestsPerConnection: limit(1_000_000_000).meta({
          description: 'After how many requests the connection of a client is closed; 0: no limit.',
        }),
        targetKeepAliveMs: wait(4_000).meta({
          description:
            'How long a connection to a target is kept for the next request: below the 5 s after which many servers close theirs. A target that says less itself (Keep-Alive: timeout=N) is taken at its word; 0: no connection is kept.',
        }),
        bodyTimeoutMs: wait(30_000).meta({
          description:
            'How long the body of a request may stand still, and how much time it may be behind bodyBytesPerSecond; then 408. 0: no limit.',
        }),
        bodyBytesPerSecond: limit(1_000_000_000, 100).meta({
          description: 'Bytes a second that a client has to send of a body, after bodyTimeoutMs; 0: any number.',
        }),
        sendTimeoutMs: wait(60_000).meta({
          description:
            'How long a client may take nothing of an answer that waits for it; then it is cut. 0: no limit.',
        }),
        maxHeaderBytes: z
          .int()
          .min(1_024)
          .max(1_048_576)
          .default(16_384)
          .meta({ description: 'Largest headers of a request. Push-servers take as much, and what agents add to it.' }),
        drainMs: z
          .int()
          .min(0)
          .max(3_600_000)
          .default(10_000)
          .meta({ description: 'How long open requests and tunnels may go on after a stop was asked.' }),
        retireMs: z.int().min(0).max(604_800_000).default(86_400_000).meta({
          description:
            'How long open requests and tunnels may go on at an agent that a reload (SIGHUP) has replaced by a new one.',
        }),
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
        notReadyMs: wait(0, 600_000).meta({
          description: 'How long a stopping agent says it is not ready before it stops listening, for load balancers.',
        }),
      })
      .prefault({})
      .meta({ description: 'The agents.' }),
    pushServer: z
      .strictObject({
        host: host()
          .default('127.0.0.1')
          .meta({ description: 'Address to listen on. It believes whoever reaches it: keep it private.' }),
        path: path(usualEnginePath).meta({
          description:
            "Path of Socket.IO at push-servers: clients give the same one (io(url, { path })), and the client library is below it, as '/socket.io/socket.io.js'. Agents know it from this setting as well.",
        }),
        allowEIO3: z.boolean().default(false).meta({
          description:
            'Whether clients of Socket.IO 2 are served, which speak version 3 of the protocol of Engine.IO. Their sessions do not migrate: at each restart of their push-server they reconnect.',
        }),
        keepAliveMs: milliseconds().default(75_000).meta({
          description:
            'How long a connection stays open without a request. Above agent.targetKeepAliveMs, so that agents close it first.',
        }),
        requestsPerConnection: limit(1_000_000_000).meta({
          description: 'After how many requests a connection is closed; 0: no limit.',
        }),
        headerTimeoutMs: milliseconds()
          .default(10_000)
          .meta({ description: 'How long the headers of a request may take to arrive.' }),
        requestTimeoutMs: wait(300_000).meta({
          description: 'How long a whole request may take to arrive; 0: no limit.',
        }),
        allowedOrigins: origins().meta({
          description:
            'Origins of pages that may reach push-servers without an agent, written as in access.allowedOrigins. Their hosts are taken for names of the push-servers. Pages that come by an agent: access.allowedOrigins.',
        }),
        announceHost: host()
          .refine((name) => !isEveryAddress(name), { error: 'an address or name by which agents reach it' })
          .optional()
          .meta({
            description:
              'Address or name under which agents reach it (routing.discover); absent: host, or where that is all addresses, the one from which this machine reaches Redis.',
          }),
        weight: z
          .number()
          .min(0)
          .max(1_000_000)
          .default(1)
          .meta({ description: 'Its share of the clients beside other push-servers, where agents discover them.' }),
        limits: z
          .strictObject({
            connections: limit().meta({
              description: 'Connections of one push-server; beyond it agents try another. 0: no limit.',
            }),
            connectionsPerUid: limit().meta({
              description: 'Connections of one uid on all push-servers, as far as they know each other; 0: no limit.',
            }),
            whenFull: z.enum(['refuse', 'replace']).default('refuse').meta({
              description:
                'What becomes of a uid with too many connections: refuse the new one, or replace the oldest one.',
            }),
            beginDelayMs: wait(250, 60_000).meta({
              description:
                'By how much most sessions may take longer to begin than twice the quickest, before a push-server lets fewer begin at a time and refuses the others; 0: it refuses none.',
            }),
            roomsPerSocket: z
              .int()
              .min(1)
              .max(1_000_000)
              .default(1_000)
              .meta({ description: 'Rooms that one connection may enter.' }),
            namespacesPerConnection: z.int().min(1).max(1_000).default(16).meta({
              description: 'Namespaces of Socket.IO that one connection may be in at a time.',
            }),
            messagesPerSecond: limit(1_000_000, 1_000).meta({
              description:
                'Messages a second of one connection in all its namespaces, and as many at once after a pause; 0: no limit.',
            }),
            bytesPerMinute: limit(1_099_511_627_776, 67_108_864).meta({
              description:
                'Bytes of messages a minute of one connection, and as many at once after a pause, so that one client cannot fill the store; 0: no limit.',
            }),
            sendQueueBytes: z.int().min(1_024).max(1_073_741_824).default(4_194_304).meta({
              description:
                'Bytes that may wait for one connection. Beyond half of it volatile messages are left out, beyond it the connection is closed.',
            }),
          })
          .prefault({})
          .meta({ description: 'What a push-server takes.' }),
        adminUi: z
          .nullable(
            z.strictObject({
              username: z.string().min(1).max(255).meta({ description: 'Who may use it.' }),
              passwordHash: z
                .string()
                .regex(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/, 'a bcrypt hash')
                .meta({ description: 'Hash of the password by bcrypt.' }),
              namespace: z
                .string()
                .regex(/^\/[\w./-]{1,64}$/, 'a namespace, as /gopush-admin')
                .default('/gopush-admin')
                .meta({
                  description:
                    'The namespace of Socket.IO for it, which the page is told as part of the URL of the server. Not one of your own.',
                }),
            }),
          )
          .default(null)
          .meta({
            description:
              "Who may look at the push-servers by Socket.IO's admin page (https://admin.socket.io); null: nobody. Without an agent it wants pushServer.allowedOrigins. Passwords may be tried 10 times a minute from one address, and 60 times in all.",
          }),
        publicDir: z
          .string()
          .min(1)
          .optional()
          .meta({ description: 'Folder of files to serve, seen from the project; absent: none.' }),
        storeDir: z.string().min(1).optional().meta({
          description:
            'Folder in which the push-servers of one machine keep history, inboxes, presence and sessions without Redis, seen from the project; absent: .gopush/store.',
        }),
        storeMaxBytes: z.int().min(1_048_576).max(1_099_511_627_776).default(1_073_741_824).meta({
          description:
            'Bytes that the store in a folder may hold. Near it the oldest messages of rooms are removed; above it messages are not kept. With Redis its maxmemory is the bound.',
        }),
        lastSeenMs: wait(604_800_000, 31_536_000_000).meta({
          description:
            'How long the time of the last connection of each user is kept, of all users ever seen; 0: it is not kept.',
        }),
        history: z
          .strictObject({
            count: z
              .int()
              .min(0)
              .max(100_000)
              .default(100)
              .meta({ description: 'Messages kept of each room; 0 keeps none.' }),
            ageMs: milliseconds(86_400_000 * 30)
              .default(300_000)
              .meta({ description: 'How long messages of a room are kept.' }),
            bytes: z
              .int()
              .min(1_024)
              .max(1_073_741_824)
              .default(1_048_576)
              .meta({ description: 'Bytes kept of each room.' }),
          })
          .prefault({})
          .meta({ description: 'What is kept of each room, so that who comes back can be given what it missed.' }),
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
              .meta({ description: 'How long a message waits where it does not say itself.' }),
          })
          .prefault({})
          .meta({ description: 'What waits for users until they have it.' }),
        emitted: z
          .strictObject({
            nodeBytes: z
              .int()
              .min(0)
              .max(1_073_741_824)
              .default(16_777_216)
              .meta({ description: 'Bytes kept on each push-server. Of more the oldest events are forgotten.' }),
            nodeCount: z
              .int()
              .min(0)
              .max(10_000_000)
              .default(50_000)
              .meta({ description: 'Events kept on each push-server. Of more the oldest are forgotten.' }),
            clientBytes: z
              .int()
              .min(0)
              .max(16_777_216)
              .default(1_048_576)
              .meta({ description: 'Bytes that one client may have missed; with more it begins a new session.' }),
            clientCount: z
              .int()
              .min(0)
              .max(100_000)
              .default(1_000)
              .meta({ description: 'Events that one client may have missed; with more it begins a new session.' }),
          })
          .prefault({})
          .meta({
            description:
              'What handlers and programs send by `io.emit`, `io.to(room).emit`, `socket.emit` and the like is kept for `recoveryMs`, so that a client that was cut off is given what it missed. One that cannot be given all of it begins a new session: `recovered` is false.',
          }),
        recoveryMs: wait(120_000).meta({
          description: 'How long a client that was cut off may come back to its session; 0: it may not.',
        }),
        answerMs: wait(2_000, 60_000).meta({
          description:
            'How long handlers may take to answer what they have read, when a stop moves their session to another push-server.',
        }),
        graceMs: wait(5_000).meta({
          description: 'How long a client that was cut off still counts as present, since most come back at once.',
        }),
        isolateProducts: z.boolean().default(false).meta({
          description:
            'Whether each product has rooms, users, presence and inboxes of its own. Without it a room, or a uid, of the same name is the same for all products of a push-server.',
        }),
        senders: z.boolean().default(false).meta({
          description:
            'Whether members of a room are told who published a message, by the uid that the agent gave: `sender`, which no client can write.',
        }),
        presenceEvents: z
          .boolean()
          .default(false)
          .meta({ description: 'Whether rooms are told who comes and goes (go:presence).' }),
        leaseMs: milliseconds(600_000).default(10_000).meta({
          description: 'How long what a push-server said of its clients counts after its end without a word.',
        }),
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
        maxBodyBytes: z.int().min(0).max(104_857_600).default(1_048_576).meta({
          description:
            'Largest body of a request that hooks of agents may read, as express.json() does; it is kept and forwarded. Larger ones are refused where a hook reads them; 0: all that a hook reads.',
        }),
        watch: z.boolean().default(true).meta({ description: 'Whether edited hooks are taken up while running.' }),
      })
      .prefault({})
      .meta({ description: 'The hook files.' }),
    access: z
      .strictObject({
        allowedOrigins: origins().meta({
          description:
            'Origins of pages, besides the gateway\'s own, that may connect, as "https://app.example.com". "https://*.example.com" is all names below example.com, but not that name itself; "*" is any page. Without a scheme it is https.',
        }),
        localhostOrigins: z.enum(localhostOriginsNames).default('development').meta({
          description:
            'Whether pages of http://localhost, of 127.0.0.1, [::1] and names below localhost may connect, from any port. development: where GOPUSH_ENV, else NODE_ENV, is dev or development; where it is local, or both are absent, at servers that are not asked by a name of public DNS.',
        }),
        trustedProxies: networks().meta({
          description:
            'Networks of proxies in front of the agents, whose X-Forwarded-…, Forwarded and X-Real-IP headers are believed; they must set or remove all of them.',
        }),
        proxyProtocol: networks().meta({
          description:
            'Networks whose connections must begin with a header of the PROXY protocol, version 1 or 2. From others it is refused.',
        }),
        allowedTargets: networks().meta({
          description: 'Networks that router functions may send clients to; empty: anywhere.',
        }),
        secrets: z.array(z.string().min(16).max(1_024)).max(2).default([]).meta({
          description:
            'Secrets by which agents sign identities; the first signs, both are believed, so that they can be changed one after the other. Push-servers that other machines can reach need one.',
        }),
        audiences: z
          .array(z.string().regex(/^[!-~]{1,300}$/))
          .default([])
          .meta({
            description:
              'Names by which agents know a push-server besides its own addresses, as "push.internal:4000": where a router lists it by a name, or behind a forwarded port. Identities signed for others are refused.',
          }),
        oldSignatures: z.boolean().default(false).meta({
          description:
            'Whether push-servers believe signatures without an audience (v1), for the time in which agents are updated.',
        }),
        identityTtlMs: milliseconds(86_400_000)
          .default(60_000)
          .meta({ description: 'How long a signed identity may be used.' }),
      })
      .prefault({})
      .meta({ description: 'Who may connect, and who is believed.' }),
    routing: z
      .strictObject({
        choose: z.enum(chooseNames).default('hash').meta({
          description:
            'How a target is chosen: hash keeps a client on its target, bounded-hash as well unless that has too much, the others spread by load.',
        }),
        boundedLoad: z.number().min(1.01).max(100).default(1.25).meta({
          description:
            'With bounded-hash: how many times its share a target takes before clients go to their next choice.',
        }),
        sticky: z.enum(stickyNames).default('sid').meta({
          description:
            'What keeps a session on its target while targets come and go: the Engine.IO sid, a cookie, or nothing.',
        }),
        maxMoves: z
          .int()
          .min(0)
          .max(10)
          .default(2)
          .meta({ description: 'To how many other targets a request moves on while one refuses the connection.' }),
        retryPercent: z.number().min(0).max(100).default(20).meta({
          description:
            'Moves to other targets in percent of all requests, beyond 10 a second, so that they make no storm.',
        }),
        discover: z.boolean().default(false).meta({
          description:
            'Whether the built-in targets are the push-servers that announce themselves in the store, on all machines; else those of this configuration.',
        }),
        identity: z.enum(identityNames).default('headers').meta({
          description:
            'How targets that are no push-servers learn who a client is: by headers, or by uid= in the query as well, as in gopush 0.1.',
        }),
        preflight: z.enum(preflightNames).default('answer').meta({
          description:
            'What becomes of CORS preflights, which carry no credentials: answer: agents answer those of access.allowedOrigins; pass: targets get those of all origins, without a uid and without a hook being asked.',
        }),
        reuse: z.boolean().default(true).meta({
          description:
            'Whether requests of several clients may share a connection to a target, one after another. Turn it off for targets that do not read the bodies of requests to their end.',
        }),
        dnsServers: z.array(z.string().min(1)).default([]).meta({
          description: 'Name servers for targets given by DNS, as "10.0.0.2:53"; empty: those of the system.',
        }),
      })
      .prefault({})
      .meta({
        description: 'How clients are spread over targets. A product of the router may say otherwise for itself.',
      }),
    health: z
      .strictObject({
        failures: z.int().min(1).max(1_000).default(3).meta({
          description:
            'After how many failures in a row a target gets no clients for a while: connections that cannot be made, and probes of the agent that get no answer.',
        }),
        ejectMs: milliseconds().default(1_000).meta({ description: 'For how long at first; doubled each time.' }),
        maxEjectMs: milliseconds().default(30_000).meta({ description: 'For how long at most.' }),
        maxEjectedPercent: z.int().min(0).max(100).default(50).meta({
          description: 'How many of the targets of a product may be left out so at a time, in percent.',
        }),
        slowStartMs: wait(0).meta({
          description:
            'How long the weight of a target that comes, or comes back, rises to its whole; 0: it has it at once.',
        }),
        check: z
          .string()
          .regex(/^(none|tcp|\/[!-~]*)$/, 'none, tcp or a path')
          .default('none')
          .meta({ description: 'How targets are asked whether they are ready: none, tcp, or a path as "/readyz".' }),
        checkIntervalMs: milliseconds().default(2_000).meta({ description: 'How often they are asked.' }),
        checkTimeoutMs: milliseconds().default(1_000).meta({ description: 'How long they may take to answer.' }),
      })
      .prefault({})
      .meta({ description: 'Which targets get clients.' }),
    hold: z
      .strictObject({
        timeoutMs: wait(10_000, 600_000).meta({
          description: 'How long clients of a product wait while none of its targets is up; 0: they do not.',
        }),
        maxWaiting: z.int().min(1).max(1_000_000).default(10_000).meta({ description: 'How many may wait at a time.' }),
        maxBytes: z
          .int()
          .min(1_024)
          .max(2_147_483_647)
          .default(67_108_864)
          .meta({ description: 'How many bytes of request headers may wait at a time.' }),
      })
      .prefault({})
      .meta({ description: 'Waiting instead of failing.' }),
    seamless: z
      .strictObject({
        enabled: z.boolean().default(true).meta({
          description:
            'Whether agents keep the connections of clients while their push-server restarts, and move their sessions to another.',
        }),
        holdMs: wait(10_000, 600_000).meta({
          description:
            'How long a client is held while no target goes on with its session. Waiting in line for one that takes others meanwhile does not count.',
        }),
        silentMs: wait(10_000, 600_000).meta({
          description:
            'How long a target with tunnels may give no sign of life, for which it is asked each second, before its sessions fail over; 0: no limit. Where its machine cannot be reached, or it has left the list of targets, 3 s are enough.',
        }),
        frameBytes: z.int().min(125).max(16_777_216).default(65_536).meta({
          description: 'Largest frame of a client that is sent again when a push-server crashed in the midst of it.',
        }),
        movesPerSecond: z.int().min(1).max(1_000_000).default(1_000).meta({
          description:
            'How many sessions an agent moves a second at most. Below that each target takes them at its own pace.',
        }),
        maxHeldBytes: z.int().min(0).max(2_147_483_647).default(67_108_864).meta({
          description:
            'Bytes of clients that are kept for the next target, in all; beyond it clients have to reconnect.',
        }),
      })
      .prefault({})
      .meta({ description: 'Restarts of push-servers that clients do not notice.' }),
    limits: z
      .strictObject({
        connections: limit().meta({
          description: 'Connections of clients in all; 0: no limit. All are for each agent.',
        }),
        connectionsPerIp: limit().meta({
          description:
            'Connections of one address; of an IPv6 address its /64. Trusted proxies have no limit; 0: no limit.',
        }),
        tunnelsPerUid: limit().meta({ description: 'Tunnels of one uid; 0: no limit.' }),
        newPerSecond: limit().meta({ description: 'New connections a second in all; 0: no limit.' }),
        newPerSecondPerIp: limit().meta({ description: 'New connections a second of one address; 0: no limit.' }),
        headers: z.int().min(10).max(10_000).default(100).meta({ description: 'Headers of one request.' }),
        eventLoopDelayMs: wait(1_000, 60_000).meta({
          description:
            'Above which delay of its event loop an agent refuses what is new, and above a quarter of which, where it lasts, it lets fewer sessions begin at a time; 0: never. Open tunnels go on.',
        }),
      })
      .prefault({})
      .meta({ description: 'What an agent takes.' }),
    processes: z
      .strictObject({
        machine: z
          .string()
          .regex(/^[\w.-]{1,100}$/)
          .optional()
          .meta({
            description:
              'Name of this machine in the names of its processes, as "web1" in web1-push-server-0, which logs, peers and clients are told; absent: its host name. Each machine needs another one.',
          }),
        hangMs: wait(60_000).meta({
          description:
            'How long the event loop of a process of gopush start may stand still until the process is killed and started again; 0: for ever, as a debugger needs.',
        }),
      })
      .prefault({})
      .meta({ description: 'The processes of this machine.' }),
    admin: z
      .nullable(
        z.strictObject({
          host: host()
            .default('127.0.0.1')
            .meta({ description: 'Address to listen on. Whoever reaches it is believed.' }),
          allowedHosts: z.array(host()).default([]).meta({
            description:
              'Names in public DNS by which this machine may be asked, as "node1.example.com". Addresses, names without a dot and private names need not be listed; others are refused, since a page could make them point here.',
          }),
          agentPort: port()
            .default(9600)
            .meta({ description: 'Port of the first agent; each further one takes the next.' }),
          serverPort: port()
            .default(9700)
            .meta({ description: 'Port of the first push-server; each further one takes the next.' }),
        }),
      )
      .default(null)
      .meta({ description: 'Where each process tells its health, metrics and state; null: nowhere.' }),
    api,
    webhooks,
    log: z
      .strictObject({
        requests: z
          .boolean()
          .default(true)
          .meta({ description: 'Whether there is a line for each request and for each tunnel.' }),
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
  })
  .superRefine(({ api: { keys }, pushServer: { isolateProducts } }, context) => {
    for (const [index, { products }] of keys.entries()) {
      if (products === undefined || isolateProducts) continue;
      const message = 'pushServer.isolateProducts to be true: without it rooms and users are those of all products';
      context.addIssue({ code: 'custom', path: ['api', 'keys', index, 'products'], message });
    }
  })
  .superRefine(({ pushServer: { host: listensOn }, serverWorkers, access }, context) => {
    if (serverWorkers === 0 || access.secrets.length > 0 || isLoopback(listensOn)) return;
    const message = `a secret of at least 16 characters, since other machines can reach push-servers on ${listensOn}`;
    context.addIssue({ code: 'custom', path: ['access', 'secrets'], message });
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
