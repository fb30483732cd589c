// A taker in a process of its own, to be stopped or killed. Its server upgrades to lines of text; what it does is chosen by the path and the lines.
import { createServer } from 'node:http';
import { openTaker, takenConnectionOf } from '../../dist/index.js';

const [dir, port, silentMs = 10_000] = process.argv.slice(2);
const lines = new Map();
let mayBeKilled = false;
let toldGivers = false;
let rests = 0;

const server = createServer((_, response) => response.end('plain'));
server.on('upgrade', (request, socket) => {
  const connection = takenConnectionOf(socket);
  const name = request.url;
  lines.set(name, connection);
  process.send({ requested: name });
  if (name.startsWith('/silent')) return;
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n');
  let rest = '';
  const say = (text, offset) => {
    socket.write(`${text}\n`);
    connection.wrote(text.length + 1, 7, offset);
  };
  if (name.startsWith('/greets')) {
    // A WebSocket frame, as the greeting of a session that the client has had already.
    socket.write(Buffer.from([0x82, 2, 0x68, 0x69]));
    connection.wrote(4);
  }
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    connection.handles();
    rest += chunk.toString('latin1');
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      const [what, text] = line.split(' ');
      if (what === 'half') socket.write('ha');
      else say(`${what} ${text}`, Number(text) || 0);
    }
    if (rest === '') connection.read();
  });
  socket.on('end', () => socket.end());
  socket.on('close', () => lines.delete(name));
});

const taker = await openTaker({
  dir,
  port: Number(port),
  name: `process ${process.pid}`,
  notes: true,
  silentMs: Number(silentMs),
  mayBeKilled() {
    // In the same turn of the event loop givers are told.
    if (mayBeKilled && !toldGivers) setImmediate(() => process.send({ mayBeKilled }));
    toldGivers = mayBeKilled;
    return mayBeKilled;
  },
  onConnection: ({ socket }) => server.emit('connection', socket),
  onCloseRequest: ({ socket }, code) => socket.end(`closing ${code}\n`),
  onLeaveRequest: ({ socket }) => process.send({ asked: socket.bytesWritten }),
  onGiver: (name, state, reason) => process.send({ giver: name, state, reason }),
  onFault: (error) => process.send({ fault: String(error) }),
});
const commands = {
  leave: async (name, unread) => process.send({ left: name, ok: await lines.get(name).leave(Buffer.from(unread)) }),
  state: () => process.send({ size: taker.size, alone: taker.alone }),
  allowKilling: () => {
    mayBeKilled = true;
  },
  rest: () => process.send({ rests: ++rests }),
  stop: () => taker.stop(),
  close: async () => {
    await taker.close();
    process.send({ closed: true });
  },
};
process.on('message', ([command, ...args]) => commands[command](...args));
process.on('disconnect', () => process.exit());
process.send({ ready: true });
