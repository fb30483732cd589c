// Clients in a process of their own: where, how many, and by which transports are the arguments. It tells what they have seen when asked.
import { io } from 'socket.io-client';

const [url, count, transports] = process.argv.slice(2);
const seen = [];
const sockets = [];
for (let index = 0; index < Number(count); index++) {
  const socket = io(url, { transports: transports.split(','), forceNew: true, query: { user: `user-${index}` } });
  const own = { numbers: [], codes: [], recovered: [], left: 0, transport: '' };
  seen.push(own);
  sockets.push(socket);
  socket.on('count', (number) => own.numbers.push(number));
  socket.on('go:presence', ({ change }) => {
    if (change === 'left') own.left++;
  });
  socket.on('disconnect', (reason, details) => own.codes.push(details?.context?.code ?? reason));
  await new Promise((resolve) => socket.once('connect', resolve));
  if (transports === 'polling,websocket' && socket.io.engine.transport.name === 'polling') {
    await new Promise((resolve) => socket.io.engine.once('upgrade', resolve));
  }
  socket.on('connect', () => own.recovered.push(socket.recovered));
  await socket.emitWithAck('go:join', 'room');
}
process.on('message', (question) => {
  if (question === 'end') {
    for (const socket of sockets) socket.disconnect();
    process.disconnect();
    return;
  }
  for (const [index, own] of seen.entries()) own.transport = sockets[index].io.engine?.transport.name;
  process.send({ seen, connected: sockets.filter(({ connected }) => connected).length });
});
process.send('ready');
