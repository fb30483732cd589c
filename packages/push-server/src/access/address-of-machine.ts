import { networkInterfaces } from 'node:os';
import { canonicalAddress } from '@gopush/contract';

/** How long the addresses of this machine are believed to stay the same, in milliseconds. */
const keptMs = 5_000;

let known: ReadonlySet<string | undefined> = new Set();
let readAt = Number.NEGATIVE_INFINITY;

/** Whether an address in its canonical form is one of this machine. */
export function isAddressOfMachine(address: string): boolean {
  const now = performance.now();
  if (now - readAt > keptMs) {
    const all = Object.values(networkInterfaces()).flatMap((ofOne) => ofOne ?? []);
    known = new Set(all.map((one) => canonicalAddress(one.address)));
    readAt = now;
  }
  return known.has(address);
}
