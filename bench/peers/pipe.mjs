/** The least that Node can do: the bytes of every connection go to the target and back. */
import { connect, createServer } from 'node:net';
import { port, ready, target } from './settle.mjs';

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true });
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
  client.pipe(upstream).pipe(client);
});
server.listen(port, '127.0.0.1', ready);
