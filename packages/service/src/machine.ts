import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names this machine among others, until it starts anew: two processes of the same name reach each other by loopback. */
export function machineId(): string {
  return `${hostname()}/${bootId()}`;
}

/**
 * The name of a process, in logs and to its peers: unique as long as the names of machines are, and the same after a restart.
 *
 * @param machine - of this machine. @defaultValue its host name
 */
export function nodeName(tier: string, index: number, machine: string = hostname()): string {
  // It goes into headers, and into the labels of others.
  return `${machine.replaceAll(/[^\w.-]/g, '-') || 'machine'}-${tier}-${index}`;
}

/** The name of a process as clients are told it: host names are nobody's business outside. Names that {@link nodeName} has not made stay. */
export function withoutMachine(name: string): string {
  return /(?:^|-)((?:agent|push-server)-\d+)$/.exec(name)?.[1] ?? name;
}

/** Linux has an id for each start of the kernel; elsewhere the host name has to do. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
