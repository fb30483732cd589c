import { z } from 'zod';
import { host, limit, milliseconds, wait } from './parts.ts';

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

/** Settings of the agents. */
export const agent = z
  .strictObject({
    host: host().optional().meta({ description: 'Address to listen on; absent: all addresses.' }),
    tls: z.nullable(tls).default(null).meta({
      description: 'Certificate for TLS between clients and agents; null: no TLS. The files are watched and reloaded.',
    }),
    connectTimeoutMs: milliseconds().default(3_000).meta({ description: 'How long connecting to a target may take.' }),
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
        'How long a request body may stall, or be behind bodyBytesPerSecond, before the client gets 408; 0: no limit.',
    }),
    bodyBytesPerSecond: limit(1_000_000_000, 100).meta({
      description:
        'Lowest rate, in bytes per second, at which a client must send a body once bodyTimeoutMs has passed; 0: any rate.',
    }),
    sendTimeoutMs: wait(60_000).meta({
      description: 'How long a client may read nothing of its response before its connection is closed; 0: no limit.',
    }),
    maxHeaderBytes: z.int().min(1_024).max(1_048_576).default(16_384).meta({
      description:
        'Maximum number of bytes in the headers of a request. Push-servers accept the same number, plus the headers that agents add.',
    }),
    drainMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(10_000)
      .meta({ description: 'How long open requests and tunnels may continue after a stop was requested.' }),
    retireMs: z.int().min(0).max(604_800_000).default(86_400_000).meta({
      description: 'How long open requests and tunnels may continue at an agent that a reload (SIGHUP) has replaced.',
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
      .meta({ description: 'How long a tunnel may stay open; 0: no limit.' }),
    notReadyMs: wait(0, 600_000).meta({
      description:
        'How long a stopping agent reports that it is not ready before it stops listening, for load balancers.',
    }),
  })
  .prefault({})
  .meta({ description: 'The agents.' });
