// A push-server in a process of its own, to be killed. Its config is the first argument.
import { Socket } from 'node:net';
import { startPushServer } from '@gopush/push-server';

// A client can have it die right after read(2), before anything of the program knows that there is something: `unread` is in the text.
const { push } = Socket.prototype;
Socket.prototype.push = function (chunk, ...more) {
  if (chunk?.includes('"unread"')) process.kill(process.pid, 'SIGKILL');
  return push.call(this, chunk, ...more);
};
// A client can have it die while it handles an event: `die` is in the text.
const setup = (io) => {
  io.engine.on('connection', (conn) =>
    conn.on('packet', ({ data }) => String(data).includes('"die"') && process.kill(process.pid, 'SIGKILL')),
  );
};
const { port } = await startPushServer({ config: JSON.parse(process.argv[2]), node: process.argv[3], setup });
process.send(port);
