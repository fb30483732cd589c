import { randomUUID } from 'node:crypto';
import express from 'express';
import { defineAgentApp } from 'gopush';
import local from '../config/local.json' with { type: 'json' };
import { visitorOf } from '../lib/visitor.js';

const [{ key }] = process.env.GOPUSH_API_KEYS ? JSON.parse(process.env.GOPUSH_API_KEYS) : local.api.keys;
const authorization = `Bearer ${key}`;

/** The public API of the service. It runs in agents, which stay while replicas come and go. */
export default defineAgentApp((app) => {
  // Anyone may notify everyone, as this is an example: put who may in front of it.
  app.post('/api/v1/notify', express.json({ limit: '100kb', strict: false }), async (req, res) => {
    if (!req.is('json')) return res.status(415).json({ status: 'error', error: 'wanted a body of application/json' });
    // Sent again with the same key, it is published once.
    const id = req.get('idempotency-key') ?? randomUUID();
    const published = await ask(req, '/rooms/all/publish', {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ event: 'notify', message: req.body, id }),
    });
    if (published === undefined) return res.status(503).json({ status: 'error', error: 'no replica is up' });
    if (!published.ok)
      return res.status(published.status).json({ status: 'error', error: (await published.json()).error });
    res.json({ status: 'ok', id });
  });

  app.get('/health_check', async (req, res) => {
    const isUp = (await ask(req, '/openapi.json', { headers: { authorization } }, 1_000))?.ok === true;
    res.status(isUp ? 200 : 503).json({ status: isUp ? 'ok' : 'error' });
  });

  // The page, and the listeners at /api/v1/listen, are served by the replicas.
  app.use((req, res, next) => {
    const visitor = visitorOf(req);
    res.cookie('visitor', visitor, { httpOnly: true, sameSite: 'lax' });
    res.locals.uid = visitor;
    next();
  });
});

/** Asks any replica, through this agent: it waits while none is up. `undefined`: none came up. */
function ask(req, path, options, timeoutMs = 15_000) {
  const url = `http://127.0.0.1:${req.socket.localPort}/api/v1${path}`;
  return fetch(url, { ...options, signal: AbortSignal.timeout(timeoutMs) }).catch(() => undefined);
}
