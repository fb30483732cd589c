// A giver in a process of its own, to be stopped or killed: an HTTP server that offers every upgrade to the takers of a port.
import { createServer } from 'node:http';
import { openGivers } from '../../dist/index.js';

const [dir, takerPort, silentMs = 10_000] = process.argv.slice(2);
const all = new Set();
const givers = await openGivers({
  dir,
  silentMs: Number(silentMs),
  name: `giver ${process.pid}`,
  events: {
    onEnd: (handed, ending) => {
      all.delete(handed);
      process.send({ ended: handed.user, cause: ending.cause ?? null });
    },
    onLeave: (handed, unread) => process.send({ left: handed.user, unread: unread.toString() }),
    onOrphan: (handed, orphan) => {
      process.send({ orphan: handed.user, ...orphan });
      if (orphan.cause === 'channel closed') handed.release();
    },
    onDuplicate: (handed, record) => {
      handed.user = record.toString();
      all.add(handed);
      process.send({ duplicate: handed.user });
      return true;
    },
    onTaker: ({ state }) => process.send({ taker: state }),
    onFault: (error) => process.send({ fault: String(error.stack) }),
  },
});
givers.want([Number(takerPort)]);
const server = createServer();
server.on('upgrade', async (request, socket, early) => {
  socket.on('error', () => {});
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    lines.push(`${request.rawHeaders[index]}: ${request.rawHeaders[index + 1]}`);
  }
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  const giver = givers.to(Number(takerPort));
  const offered = await giver?.offer({
    client: socket,
    kind: 'upgrade',
    head,
    record: Buffer.from(request.url),
    timeoutMs: 5_000,
  });
  process.send({ offered: request.url, cause: offered?.cause ?? null });
  if (!offered?.ok) {
    socket.end(`HTTP/1.1 502 ${offered?.cause}\r\ncontent-length: 0\r\n\r\n`);
    return;
  }
  // It is killed here, between the response and what follows.
  if (request.url === '/never-accepted') return;
  const accepted = await offered.value.accept({ user: request.url, write: offered.value.head, early });
  if (accepted.ok) all.add(accepted.value);
  process.send({ accepted: request.url });
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
const commands = {
  size: () => process.send({ size: givers.size }),
  isSilentFor: (ms) => process.send({ isSilentFor: [...all].some((handed) => handed.isTakerSilentFor(Number(ms))) }),
  killTakers: () => process.send({ killed: [...all].some((handed) => handed.killTaker()) }),
  cut: () => {
    for (const handed of all) handed.cut();
  },
};
process.on('message', ([command, ...args]) => commands[command](...args));
process.on('disconnect', () => process.exit());
