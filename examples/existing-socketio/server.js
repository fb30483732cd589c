/** The app as it is: pages, sessions and Socket.IO in one process. PORT and REDIS_URL say where. */
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { addHandlers } from './lib/handlers.js';
import { createPages } from './lib/pages.js';
import { session, user } from './lib/session.js';

const server = createServer(createPages());

const io = new Server(server);
const publisher = new Redis(process.env.REDIS_URL);
io.adapter(createAdapter(publisher, publisher.duplicate()));
io.engine.use(session);
io.engine.use(user);
addHandlers(io);

server.listen(process.env.PORT ?? 3001, '127.0.0.1', () => {
  console.log(`listening at http://127.0.0.1:${server.address().port}`);
});
