/** A target that echoes and takes connections, as a process of its own: `node taking-process.mjs <folder>`. Prints its port. */
import { createServer } from 'node:http';
import { openTaker } from '@gopush/hand-off';
import { WebSocketServer } from 'ws';

const server = createServer();
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('error', () => {}).on('message', (data) => socket.send(String(data)));
  socket.send('hello');
});
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  await openTaker({
    dir: process.argv[2],
    port,
    name: `target ${port}`,
    onConnection: ({ socket }) => void server.emit('connection', socket),
    onCloseRequest: ({ socket }) => void socket.destroy(),
    onGiver() {},
    onFault: (error) => process.stderr.write(`${error.stack}\n`),
  });
  process.stdout.write(`${port}\n`);
});
