import { isLoopback } from '@gopush/contract';

/** An address of a target as a key: loopback addresses are others on each machine. */
export function addressKey(machine: string, address: string): string {
  const host = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isLoopback(host) ? `${machine} ${address}` : address;
}
