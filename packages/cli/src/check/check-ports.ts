import { createServer } from 'node:net';
import { type Config, isUnspecified } from '@gopush/contract';
import { ListenError, type ListenSettings, listen } from '@gopush/service';
import type { Tier } from '../tier-names.ts';
import type { Finding } from './finding.ts';

/** A place where a process is to listen. */
interface Listener {
  readonly what: string;
  readonly tier: Tier;
  /** Absent: all addresses. */
  readonly host: string | undefined;
  readonly port: number;
  readonly settings: ListenSettings;
}

/** Looks whether each process of these tiers gets its ports: that none is for two of them, and none is in use. */
export async function checkPorts(config: Config, tiers: readonly Tier[]): Promise<Finding[]> {
  // Port 0 is any free port.
  const listeners = list(config).filter(({ port, tier }) => port !== 0 && tiers.includes(tier));
  const findings: Finding[] = [];
  for (const [index, listener] of listeners.entries()) {
    const other = listeners.slice(0, index).find((one) => overlap(one, listener));
    const { what, port, settings } = listener;
    if (other === undefined) findings.push(await checkPort(listener));
    else {
      const detail = `port ${port} is also that of the ${other.what}: change ${nameOf(settings)} or ${nameOf(other.settings)}`;
      findings.push({ what, state: 'wrong', detail });
    }
  }
  return findings;
}

async function checkPort({ what, host, port, settings }: Listener): Promise<Finding> {
  const server = createServer();
  try {
    await listen(server, { port, exclusive: true, ...(host === undefined ? {} : { host }) }, settings);
    return { what, state: 'ok', detail: `${port} is free` };
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    const { code } = error.cause as NodeJS.ErrnoException;
    const running = code === 'EADDRINUSE' ? ' (this project itself has it, if it runs)' : '';
    return { what, state: 'wrong', detail: `${error.message}${running}` };
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** All addresses on which the processes of this machine listen, in the order of the report. */
function list({
  agentPort,
  agentWorkers,
  agent,
  serverPortStart,
  serverWorkers,
  pushServer,
  admin,
}: Config): Listener[] {
  const each = (count: number, make: (offset: number) => Listener): Listener[] =>
    Array.from({ length: count }, (_, offset) => make(offset));
  const numbered = (first: number, offset: number): number => (first === 0 ? 0 : first + offset);
  return [
    {
      ...{ what: 'agent port', tier: 'agent', host: agent.host, port: agentPort },
      settings: { port: 'agentPort', host: 'agent.host' },
    },
    ...each(serverWorkers, (offset) => ({
      ...{ what: 'push-server port', tier: 'push-server', host: pushServer.host },
      port: numbered(serverPortStart, offset),
      settings: { port: 'serverPortStart', offset, host: 'pushServer.host' },
    })),
    ...(admin === null
      ? []
      : [
          ...each(
            agentWorkers,
            (offset): Listener => ({
              ...{ what: 'admin port of an agent', tier: 'agent', host: admin.host },
              port: numbered(admin.agentPort, offset),
              settings: { port: 'admin.agentPort', offset, host: 'admin.host' },
            }),
          ),
          ...each(
            serverWorkers,
            (offset): Listener => ({
              ...{ what: 'admin port of a push-server', tier: 'push-server', host: admin.host },
              port: numbered(admin.serverPort, offset),
              settings: { port: 'admin.serverPort', offset, host: 'admin.host' },
            }),
          ),
        ]),
  ];
}

function overlap(one: Listener, other: Listener): boolean {
  if (one.port !== other.port) return false;
  return isEvery(one.host) || isEvery(other.host) || one.host === other.host;
}

function isEvery(host: string | undefined): boolean {
  return host === undefined || isUnspecified(host);
}

function nameOf({ port, offset = 0 }: ListenSettings): string {
  return offset === 0 ? port : `${port} (+ ${offset})`;
}
