import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'httpxy';
import { port, ready, target } from './settle.mjs';

const proxy = createProxyServer({
  target: { host: '127.0.0.1', port: target },
  agent: new Agent({ keepAlive: true }),
  ws: true,
});
proxy.on('error', () => {});
const server = createServer((req, res) => proxy.web(req, res).catch(() => res.destroy()));
server.on('upgrade', (req, socket, head) => {
  socket.on('error', () => {});
  proxy.ws(req, socket, {}, head).catch(() => socket.destroy());
});
server.listen(port, '127.0.0.1', ready);
