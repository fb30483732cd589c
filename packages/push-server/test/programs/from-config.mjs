// A push-server in a process of its own, to be killed. Its config is the first argument.
import { startPushServer } from '@gopush/push-server';

// A client can have it die while it handles an event: `die` is in the text.
const setup = (io) => {
  io.engine.on('connection', (conn) =>
    conn.on('packet', ({ data }) => String(data).includes('"die"') && process.kill(process.pid, 'SIGKILL')),
  );
};
const { port } = await startPushServer({ config: JSON.parse(process.argv[2]), node: process.argv[3], setup });
process.send(port);
