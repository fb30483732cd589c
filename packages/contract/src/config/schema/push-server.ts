import { z } from 'zod';
import { usualEnginePath } from '../../routing/engine-path.ts';
import { host, isEveryAddress, limit, milliseconds, origins, wait } from './parts.ts';
import { path } from './path.ts';

/** Settings of the push-servers. */
export const pushServer = z
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
          'Address or name at which agents reach the push-server (routing.discover). Absent: pushServer.host. If that is 0.0.0.0 or ::, the local address of the connection to Redis.',
      }),
    weight: z.number().min(0).max(1_000_000).default(1).meta({
      description: 'Weight of the push-server among those that agents discover: its share of the clients.',
    }),
    limits: z
      .strictObject({
        connections: limit().meta({
          description: 'Connections of one push-server. Above the limit agents try another push-server. 0: no limit.',
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
            'If most sessions take longer to start than this time plus twice the fastest start, the push-server is overloaded: it starts fewer at the same time and refuses the rest. 0: it refuses none.',
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
            'Messages per second of one connection over all its namespaces. After a pause, the messages of one second may arrive in one burst. 0: no limit.',
        }),
        bytesPerMinute: limit(1_099_511_627_776, 67_108_864).meta({
          description:
            'Bytes of messages per minute of one connection, so that one client cannot fill the store. After a pause, the bytes of one minute may arrive in one burst. 0: no limit.',
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
        'Largest size of the store in storeDir. Near the limit the oldest room messages are removed; above it new messages are not stored. With Redis, the limit is its maxmemory.',
    }),
    lastSeenMs: wait(604_800_000, 31_536_000_000).meta({
      description: 'How long the last connection of each user is remembered; 0: not at all.',
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
          .meta({ description: 'Bytes of history kept per room.' }),
      })
      .prefault({})
      .meta({ description: 'The history of each room: the messages that clients get after a reconnect.' }),
    inbox: z
      .strictObject({
        count: z.int().min(1).max(100_000).default(1_000).meta({ description: 'Messages in the inbox of one user.' }),
        bytes: z
          .int()
          .min(1_024)
          .max(1_073_741_824)
          .default(4_194_304)
          .meta({ description: 'Bytes in the inbox of one user.' }),
        ttlMs: milliseconds(86_400_000 * 365)
          .default(86_400_000 * 7)
          .meta({ description: 'How long a message waits before it expires, unless it has a ttlMs of its own.' }),
      })
      .prefault({})
      .meta({ description: 'The inbox of each user: messages that wait until a device acknowledges them.' }),
    emitted: z
      .strictObject({
        nodeBytes: z.int().min(0).max(1_073_741_824).default(16_777_216).meta({
          description:
            'Bytes of events of programs (io.emit, socket.emit, …) that each push-server keeps for clients that reconnect. Above it the oldest are dropped.',
        }),
        nodeCount: z
          .int()
          .min(0)
          .max(10_000_000)
          .default(50_000)
          .meta({ description: 'How many of these events each push-server keeps. Above it the oldest are dropped.' }),
        clientBytes: z.int().min(0).max(16_777_216).default(1_048_576).meta({
          description: 'Bytes of these events that one client may have missed. With more it gets a new session.',
        }),
        clientCount: z.int().min(0).max(100_000).default(1_000).meta({
          description: 'How many of these events one client may have missed. With more it gets a new session.',
        }),
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
        'How long handlers may take to acknowledge events that they have received, before the session migrates to another push-server.',
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
      description: 'Presence lease: how long clients of a push-server that died still count as online.',
    }),
    fanoutDir: z.string().min(1).optional().meta({
      description:
        'Folder of the Unix sockets that connect the push-servers of one machine without Redis. Absent: a folder in the temporary directory, named after the project and port.',
    }),
    pingIntervalMs: milliseconds().default(25_000).meta({ description: 'Interval between pings to a client.' }),
    pingTimeoutMs: milliseconds()
      .default(20_000)
      .meta({ description: 'How long a client may take to respond to a ping.' }),
    maxMessageBytes: z
      .int()
      .min(1)
      .max(104_857_600)
      .default(1_000_000)
      .meta({ description: 'Largest message of a client.' }),
    drainMs: z.int().min(0).max(3_600_000).default(5_000).meta({
      description:
        'After a stop was requested: how long open requests may take, and how long migrations may continue without a session leaving.',
    }),
    maxDrainMs: z.int().min(0).max(3_600_000).default(60_000).meta({
      description:
        'After a stop was requested: how long migrations may take in all, while sessions leave. The program that stops the process (pm2, systemd) has to wait longer. If this is below drainMs, drainMs applies.',
    }),
  })
  .prefault({})
  .meta({ description: 'The built-in push-servers.' });
