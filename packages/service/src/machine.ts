import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names this machine among others, until it starts anew: two processes of the same name reach each other by loopback. */
export function machineId(): string {
  return `${hostname()}/${bootId()}`;
}

/** Linux has an id for each start of the kernel; elsewhere the host name has to do. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
