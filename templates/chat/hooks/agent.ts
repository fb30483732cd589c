import express, { type ErrorRequestHandler, type Response } from 'express';
import { anonymous, defineAgentApp } from 'gopush';
import { checkPassword, signUp } from '../app/accounts.ts';
import { beginAttempt, networkOf, secondsToWait } from '../app/attempts.ts';
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
    const isName = typeof name === 'string' && /^[a-z0-9][a-z0-9_-]{1,19}$/.test(name);
    if (!isName || typeof password !== 'string' || password.length < 8) {
      return refuse(res, 400, 'a name has 2 to 20 letters a-z or digits, a password at least 8 characters');
    }
    const isNew = req.path === '/accounts';
    const takeBack = isNew ? async () => {} : await beginAttempt(req.ip, name);
    if (!takeBack) return refuse(res, 429, 'too many attempts, try again in a quarter of an hour', secondsToWait());
    const isDone = await (isNew ? signUp : checkPassword)(networkOf(req.ip), name, password);
    if (isDone !== false) await takeBack();
    if (isDone === undefined) return refuse(res, 503, 'too many people are signing in, try again', 1);
    if (!isDone) return isNew ? refuse(res, 409, 'this name is taken') : refuse(res, 401, 'wrong name or password');
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

  app.use(refuseForNow);
});

/** Accounts are in Redis, which is away. */
const refuseForNow: ErrorRequestHandler = (error, _req, res, next) => {
  if (error?.status !== 503) return next(error);
  refuse(res, 503, 'accounts cannot be reached at the moment, try again', 2);
};

function refuse(res: Response, status: number, message: string, retryAfter = 0) {
  if (retryAfter > 0) res.set('retry-after', String(retryAfter));
  res.status(status).json({ error: { message } });
}
