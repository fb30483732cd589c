import { readAddress } from './address.ts';
import type { Trust } from './trust.ts';

/**
 * The address of a client behind proxies: the entry of `X-Forwarded-For` next to us, or, while an entry is itself of a trusted proxy, the one
 * before it. What stands farther off the client may have written. An entry that cannot be read ends the walk, as what is before it is
 * nobody's word; then the address is that of the proxy which wrote it.
 *
 * @param forwarded - all `X-Forwarded-For` of a request
 * @param sender - address of the trusted peer that sent the request
 */
export function clientAddress(
  forwarded: string | readonly string[] | undefined,
  sender: string,
  trusts: Trust,
): string {
  const text = typeof forwarded === 'string' ? forwarded : (forwarded ?? []).join();
  let address = sender;
  // From the right, since a client may write much on the left.
  for (let end = text.length; ; ) {
    const comma = text.lastIndexOf(',', end - 1);
    const entry = readAddress(text.slice(comma + 1, end));
    if (entry === undefined) return address;
    address = entry;
    if (comma === -1 || !trusts(address)) return address;
    end = comma;
  }
}
