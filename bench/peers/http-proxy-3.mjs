import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';
import { port, ready, target } from './settle.mjs';

const asApp = process.argv[4] === 'express';
const proxy = createProxyServer({
  target: `http://127.0.0.1:${target}`,
  agent: new Agent({ keepAlive: true }),
  ws: true,
});
proxy.on('error', (_error, _req, res) => res?.destroy?.());
let handler = (req, res) => proxy.web(req, res);
if (asApp) {
  const { default: express } = await import('express');
  const { default: cookieParser } = await import('cookie-parser');
  handler = express();
  handler.use(cookieParser());
  handler.use((req, res, next) => {
    res.locals.uid = req.query.user;
    next();
  });
  handler.use((req, res) => proxy.web(req, res));
}
const server = createServer(handler);
server.on('upgrade', (req, socket, head) => {
  socket.on('error', () => {});
  proxy.ws(req, socket, head);
});
server.listen(port, '127.0.0.1', ready);
