import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that was killed. */
export interface Death {
  readonly isAgent: boolean;
  readonly at: number;
  /** The connections of clients that it had open, by the clients' ports. */
  readonly held: ReadonlySet<number>;
  /** Those of them that no other process had open. */
  readonly alone: ReadonlySet<number>;
}

/** A connection of a client that ended. */
export interface Cut {
  /** The client's port. */
  readonly port: number;
  readonly user: string;
  readonly at: number;
}

/** A push-server has taken the session of a client, and so is an owner of its connection. */
export interface Move {
  readonly user: string;
  readonly at: number;
}

/** How long after a death a connection may end because of it, in milliseconds: one that was being offered ends when that push-server has noticed. */
const soonMs = 5_000;

/**
 * Looks which connections of clients a process has open, as the kernel tells.
 *
 * @param pid - has to stand still, or it may pass a connection on meanwhile
 * @param others - ids of the other processes of the deployment
 * @param ports - at which agents accept clients
 */
export function lookAtOwned(
  pid: number,
  others: readonly number[],
  ports: readonly number[],
): Pick<Death, 'held' | 'alone'> {
  const clients = clientsByInode(ports);
  const elsewhere = new Set(others.flatMap(socketsOf));
  const held = socketsOf(pid).filter((inode) => clients.has(inode));
  const portsOf = (inodes: readonly string[]) => new Set(inodes.map((inode) => clients.get(inode) as number));
  return { held: portsOf(held), alone: portsOf(held.filter((inode) => !elsewhere.has(inode))) };
}

/**
 * Whether a connection ended because both of its owners were killed, the second one before there was another (docs/seamless.md, "Agents that
 * restart"). An agent that had it without a push-server was its only owner, also while it offered the connection to the next one.
 */
export function lostBothOwners({ port, user, at }: Cut, deaths: readonly Death[], moves: readonly Move[]): boolean {
  const last = deaths.findLast((one) => one.held.has(port) && one.at <= at && at < one.at + soonMs);
  if (last === undefined || last.alone.has(port)) return last !== undefined;
  const before = deaths.findLast((one) => one.held.has(port) && one.at < last.at && !one.isAgent);
  if (!last.isAgent || before === undefined) return false;
  return !moves.some((one) => one.user === user && one.at >= before.at && one.at <= last.at);
}

/** Ids of the sockets that a process has open. */
function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return namesIn(folder).flatMap((name) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${name}`))?.[1];
    return inode === undefined ? [] : [inode];
  });
}

/** A process may end while it is looked at. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** TCP_ESTABLISHED, as proc_net_tcp(5) writes it. */
const established = '01';

/** The ports of clients that are connected to some ports, by the ids of the sockets here. */
function clientsByInode(ports: readonly number[]): Map<string, number> {
  const clients = new Map<string, number>();
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)) {
    const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state === established && ports.includes(portOf(local))) clients.set(inode, portOf(remote));
  }
  return clients;
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16);
}
