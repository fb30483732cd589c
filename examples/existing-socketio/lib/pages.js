import { join } from 'node:path';
import express from 'express';
import { session, user } from './session.js';

/** Signing in and out, and the page. */
export function createPages() {
  const app = express();
  app.use(session, user);
  app.post('/sign-in', express.json(), (request, response, next) => {
    const name = request.body?.name;
    const isName = typeof name === 'string' && /^\w{1,20}$/.test(name);
    if (!isName) return response.status(400).json({ error: 'A name has 1 to 20 letters.' });
    // Believes everybody, as only an example may; elsewhere a strategy of Passport decides.
    request.logIn({ name }, (error) => (error ? next(error) : response.json({ name })));
  });
  app.post('/sign-out', (request, response) => request.session.destroy(() => response.status(204).end()));
  app.get('/me', (request, response) => response.json({ name: request.user?.name ?? null }));
  app.use(express.static(join(import.meta.dirname, '../public')));
  return app;
}
