/**
 * gopush inside a program of your own: no files, no command line.
 *
 * Starts a push-server and an agent in this process, connects two clients, lets them talk in a room, and closes everything.
 */
import { startAgent, startPushServer } from 'gopush';
import { io } from 'socket.io-client';

const pushServer = await startPushServer({ config: { serverPortStart: 0 } });

const agent = await startAgent({
  config: { agentPort: 0 },
  hooks: {
    // Trusts the client: only for an example.
    agent: (request) => request.query.user,
    router: { default: { ip: '127.0.0.1', port: pushServer.port } },
  },
});
console.log(`agent at ${agent.url}`);

const ann = io(agent.url, { query: { user: 'ann' } });
const bob = io(agent.url, { query: { user: 'bob' } });

await Promise.all([ann, bob].map((client) => client.emitWithAck('room', { room: 'lobby' })));
const heard = new Promise((resolve) => bob.once('chat', resolve));
ann.emit('room', { room: 'lobby', event: 'chat', message: 'hello bob' });
console.log('bob hears', await heard);

ann.disconnect();
bob.disconnect();
await agent.close();
await pushServer.close();
