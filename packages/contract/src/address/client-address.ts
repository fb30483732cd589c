import { readAddress } from './address.ts';
import type { Trust } from './trust.ts';

/**
 * The address of a client behind proxies: the last entry of `X-Forwarded-For`, or, while an entry is itself a trusted proxy, the entry before
 * it. The client may have written everything further to the left. An entry that cannot be read ends the walk, because no trusted proxy vouches
 * for the entries before it; the result is then the address of the proxy that wrote it.
 *
 * Agents and push-servers decide only by this function whether to trust an `X-Forwarded-For`.
 *
 * @param forwarded - all `X-Forwarded-For` headers of a request
 * @param sender - address of the trusted peer that sent the request
 */
export function clientAddress(
  forwarded: string | readonly string[] | undefined,
  sender: string,
  trusts: Trust,
): string {
  const text = typeof forwarded === 'string' ? forwarded : (forwarded ?? []).join();
  let address = sender;
  // From the right: a client can make the left side long.
  for (let end = text.length; ; ) {
    const comma = text.lastIndexOf(',', end - 1);
    const entry = readAddress(text.slice(comma + 1, end));
    if (entry === undefined) return address;
    address = entry;
    if (comma === -1 || !trusts(address)) return address;
    end = comma;
  }
}
