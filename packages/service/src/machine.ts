import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Identifies this machine until it restarts. Two processes with the same value reach each other by loopback. */
export function machineId(): string {
  return `${hostname()}/${bootId()}`;
}

/**
 * Returns the name of a process in logs and for its peers. It is unique if host names are, and the same after a restart.
 *
 * @param machine - name of this machine. @defaultValue its host name
 */
export function nodeName(tier: string, index: number, machine: string = hostname()): string {
  // The name is used in headers and in labels of metrics.
  return `${machine.replaceAll(/[^\w.-]/g, '-') || 'machine'}-${tier}-${index}`;
}

/** Returns the name of a process for clients: without the host name, which is not public. Names not made by {@link nodeName} stay as they are. */
export function withoutMachine(name: string): string {
  return /(?:^|-)((?:agent|push-server)-\d+)$/.exec(name)?.[1] ?? name;
}

/** Linux has an id for each start of the kernel. Elsewhere the host name is used. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
