import express from 'express';
import { anonymous, defineAgentApp } from 'gopush';
import { beginAttempt, networkOf, secondsToWait } from '../lib/attempts.js';
import { channels, createChannel, isChannelName, joinChannel } from '../lib/channels.js';
import { hashPassword, verifyPassword } from '../lib/passwords.js';
import { store } from '../lib/store.js';
import { daysValid, signToken, userOf } from '../lib/tokens.js';

/** The channel that everybody is in at first. */
const firstChannel = 'general';

/** The REST API, and who a client is. It runs in agents; an edit applies at once, and no client is disconnected. */
export default defineAgentApp((app) => {
  app.use('/api', express.json({ limit: '10kb' }), sayWhatIsWrong);

  app.post('/api/sign-up', async (req, res) => {
    const { name, password } = credentialsOf(req.body);
    if (!/^[a-z0-9_-]{2,24}$/.test(name)) return refuse(res, 400, 'A name has 2 to 24 of a–z, 0–9, - and _.');
    if (password.length < 8 || password.length > 200) return refuse(res, 400, 'A password has 8 to 200 characters.');
    const hash = await hashPassword(networkOf(req.ip), password);
    if (hash === undefined) return refuseForNow(res);
    if (!(await store.insert('users', name, hash))) return refuse(res, 409, 'This name is taken.');
    await createChannel(firstChannel, name);
    await joinChannel(name, firstChannel);
    await signIn(req, res.status(201), name);
  });

  app.post('/api/sign-in', async (req, res) => {
    const { name, password } = credentialsOf(req.body);
    const takeBack = await beginAttempt(req.ip, name);
    if (takeBack === undefined) {
      res.set('retry-after', String(secondsToWait()));
      return refuse(res, 429, 'Too many attempts. Try again in a quarter of an hour.');
    }
    const isRight = await verifyPassword(networkOf(req.ip), password, await store.get('users', name));
    // A right password, or none that was asked for, is no failed attempt.
    if (isRight !== false) await takeBack();
    if (isRight === undefined) return refuseForNow(res);
    // Not which of the two was wrong: that would tell which names exist.
    if (!isRight) return refuse(res, 401, 'Name or password is wrong.');
    await signIn(req, res, name);
  });

  app.post('/api/sign-out', (req, res) => {
    // All other requests that change something have a body of JSON, which a page of another site cannot send.
    if (req.get('sec-fetch-site') === 'cross-site') return refuse(res, 403, 'Not from another site.');
    res.clearCookie('token', { path: '/' }).status(204).end();
  });

  const signedIn = async (req, res, next) => {
    const user = await userOf(req);
    if (user === undefined) return refuse(res, 401, 'Sign in first.');
    res.locals.uid = user;
    next();
  };

  app.get('/api/me', signedIn, (_req, res) => res.json({ name: res.locals.uid }));

  app.get('/api/channels', signedIn, async (_req, res) => res.json({ channels: await channels(res.locals.uid) }));

  app.post('/api/channels', signedIn, async (req, res) => {
    const name = req.body?.name;
    if (!isChannelName(name)) return refuse(res, 400, 'A channel has up to 32 of a–z, 0–9 and -.');
    if (!(await createChannel(name, res.locals.uid))) return refuse(res, 409, 'There is such a channel.');
    await joinChannel(res.locals.uid, name);
    res.status(201).json({ name });
  });

  // Everything else goes to a push-server: the page, and Socket.IO, which refuses those who have not signed in.
  app.use(async (req, res, next) => {
    res.locals.uid = (await userOf(req)) ?? anonymous;
    next();
  });

  app.use(sayWhatIsAway);
});

const credentialsOf = (body) => ({
  name: textOf(body?.name).toLowerCase().slice(0, 200),
  password: textOf(body?.password),
});

/** JSON may be anything: as a password, `String({})` would be `[object Object]`. */
const textOf = (value) => (typeof value === 'string' ? value : '');

const refuse = (res, status, error) => res.status(status).json({ error });

/** Passwords cost processor time and memory: see lib/in-turn.js. */
const refuseForNow = (res) => refuse(res.set('retry-after', '1'), 503, 'Too many people are signing in. Try again.');

function sayWhatIsWrong(error, _req, res, next) {
  if (error.status >= 400 && error.status < 500) return refuse(res, error.status, 'The body is no JSON, or too long.');
  next(error);
}

function sayWhatIsAway(error, _req, res, next) {
  if (error.status !== 503) return next(error);
  refuse(res.set('retry-after', '2'), 503, 'Accounts and channels cannot be reached at the moment. Try again.');
}

/** Browsers get the token as a cookie that pages cannot read; other clients send it as `Authorization: Bearer …`. */
async function signIn(req, res, name) {
  const token = await signToken(name);
  const secure = req.secure || req.get('x-forwarded-proto') === 'https';
  res.cookie('token', token, { httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: daysValid * 86_400_000 });
  res.json({ name, token });
}
