import type { Duplex } from 'node:stream';
import type { Redis } from 'ioredis';

/** Classes and instances that have been prepared. */
const prepared = new WeakSet<object>();

/** What ioredis opens its connections by. */
interface Connecting {
  readonly connector: { connect(...args: unknown[]): Promise<Duplex> };
}

/**
 * Lets no connection to Redis end the process by a second error. ioredis listens to the first error of a socket only. With TLS there may be two:
 * Redis refuses a certificate by an alert and resets the connection, and Node emits both. This covers the connections that ioredis makes by itself,
 * too: to sentinels, and for the subscriptions of a cluster.
 */
export function standSecondErrors(library: typeof Redis): void {
  if (prepared.has(library)) return;
  prepared.add(library);
  const { connect } = library.prototype;
  library.prototype.connect = function (...args) {
    ignoreErrors((this as unknown as Connecting).connector);
    return connect.apply(this, args);
  };
}

/** From the beginning: a handshake may fail in two ways as well. */
function ignoreErrors(connector: Connecting['connector']): void {
  if (prepared.has(connector)) return;
  prepared.add(connector);
  const { connect } = connector;
  connector.connect = async (...args) => {
    const stream = await connect.apply(connector, args);
    stream.on('error', ignore);
    return stream;
  };
}

function ignore(): void {}
