/** What is left of server.js when push-servers serve Socket.IO: the pages. PORT and REDIS_URL say where. */
import { createServer } from 'node:http';
import { createPages } from './lib/pages.js';

const server = createServer(createPages());

server.listen(process.env.PORT ?? 3001, '127.0.0.1', () => {
  console.log(`listening at http://127.0.0.1:${server.address().port}`);
});
