import { createRequire } from 'node:module';
import { followLinks } from '@gopush/service';
import type { Server } from 'socket.io';
import type { SocketIoClient } from './private-names.ts';

/** A class of which Socket.IO makes one object for each connection. */
type ClientClass<Connection> = new (io: Server, connection: Connection) => SocketIoClient<Connection>;

/**
 * Loads the class of which Socket.IO makes one object for each connection. Socket.IO does not export it.
 *
 * @throws Error if this version of Socket.IO keeps it elsewhere
 */
export function loadClient<Connection>(): ClientClass<Connection> {
  // The file by its own path: by that of a link it would be another module.
  followLinks();
  const main = createRequire(import.meta.url).resolve('socket.io');
  const require = createRequire(main);
  const { Client } = require('./client.js');
  if (typeof Client === 'function') return Client;
  const { version } = require('../package.json');
  throw new Error(`socket.io ${version} has no class Client in ./client.js: this version of gopush cannot use it`);
}
