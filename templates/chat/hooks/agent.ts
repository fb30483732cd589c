import express from 'express';
import { anonymous, defineAgentApp } from 'gopush';
import { checkPassword, signUp } from '../app/accounts.ts';
import { beginAttempt, secondsToWait } from '../app/attempts.ts';
import { cookie, createSession, userOf } from '../app/session.ts';

/**
 * An Express app in front of everything: it serves accounts and sessions, and tells for all other requests who the client is.
 *
 *   POST   /accounts  { name, password }  sign up and sign in
 *   POST   /session   { name, password }  sign in
 *   GET    /session                       who am I?
 *   DELETE /session                       sign out
 */
export default defineAgentApp((app) => {
  // Pages of other sites cannot send JSON, so they cannot sign anybody in.
  app.post(['/accounts', '/session'], express.json({ limit: '1kb' }), async (req, res) => {
    const { name, password } = req.body ?? {};
    if (!/^[a-z0-9][a-z0-9_-]{1,19}$/.test(name) || typeof password !== 'string' || password.length < 8) {
      res
        .status(400)
        .json({ error: { message: 'a name has 2 to 20 letters a-z or digits, a password at least 8 characters' } });
      return;
    }
    if (req.path === '/accounts' && !(await signUp(name, password))) {
      res.status(409).json({ error: { message: 'this name is taken' } });
      return;
    }
    if (req.path === '/session') {
      const succeeded = await beginAttempt(req.ip, name);
      if (!succeeded) {
        res.set('retry-after', String(secondsToWait()));
        res.status(429).json({ error: { message: 'too many attempts, try again in a quarter of an hour' } });
        return;
      }
      if (!(await checkPassword(name, password))) {
        res.status(401).json({ error: { message: 'wrong name or password' } });
        return;
      }
      await succeeded();
    }
    const session = await createSession(name);
    res.cookie(cookie, session, { httpOnly: true, sameSite: 'lax', secure: req.secure, maxAge: 30 * 86_400_000 });
    res.status(201).json({ name });
  });

  app.get('/session', async (req, res) => {
    res.json({ name: (await userOf(req)) ?? null });
  });

  app.delete('/session', (_req, res) => {
    res.clearCookie(cookie).sendStatus(204);
  });

  app.use(async (req, res, next) => {
    // Everybody gets the page; push-servers let only users connect.
    res.locals.uid = (await userOf(req)) ?? anonymous;
    next();
  });
});
