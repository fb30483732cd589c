import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';

/** How long looking up a name may take, in milliseconds. */
const lookupMs = 3_000;

/**
 * Returns the address from which this machine reaches another one, by the routes of the system. Nothing is sent.
 *
 * @param host - address or name of the other machine
 * @param family - 4 or 6: only by IPv4, or IPv6; 0: by either
 * @returns `undefined` if there is no route, or only one from an address that is not valid elsewhere (`fe80::…`)
 * @throws if the name cannot be looked up
 */
export async function localAddressTo(host: string, port: number, family: 0 | 4 | 6): Promise<string | undefined> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(reject, lookupMs, { code: `no response within ${lookupMs} ms` }).unref();
  });
  const looked = Promise.race([lookup(host, { all: true }), late]);
  const addresses = await looked.catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the name ${host} cannot be resolved (${error.code})`, { cause: error });
  });
  for (const one of addresses) {
    if (family !== 0 && one.family !== family) continue;
    const local = await addressOfRoute(one.address, port);
    if (local !== undefined && !/^fe80:/i.test(local)) return local;
  }
  return undefined;
}

/** A connected UDP socket has the address that the kernel chose for its route; connecting one sends no packet. */
function addressOfRoute(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = (local: string | undefined): void => {
      socket.close();
      resolve(local);
    };
    socket.once('error', () => end(undefined));
    socket.connect(port, address, () => end(socket.address().address));
  });
}
