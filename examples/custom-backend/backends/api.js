import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import express from 'express';

const mqttClient = createRequire(import.meta.url).resolve('mqtt/dist/mqtt.min');

/** An Express app: an API, and the page. */
export function createApi({ restartAgent }) {
  const app = express();
  app.get('/api/who', (request, response) => {
    response.json({ user: decodeURIComponent(request.get('x-gopush-uid') ?? 'nobody') });
  });
  app.post('/api/restart-agent', (_request, response) => {
    response.on('close', restartAgent).status(202).end();
  });
  app.use('/mqtt.js', express.static(dirname(mqttClient), { index: 'mqtt.min.js' }));
  app.use(express.static(join(import.meta.dirname, '../public')));
  return createServer(app);
}
