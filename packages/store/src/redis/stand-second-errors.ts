import type { Redis } from 'ioredis';

/** Classes that have been prepared. */
const prepared = new WeakSet<typeof Redis>();

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
    // Until the handshake has ended Node emits one error at most.
    if (!this.listeners('connect').includes(listenOn)) this.on('connect', listenOn);
    return connect.apply(this, args);
  };
}

function listenOn(this: Redis): void {
  this.stream.on('error', ignore);
}

function ignore(): void {}
