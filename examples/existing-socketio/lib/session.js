import { ServerResponse } from 'node:http';
import expressSession from 'express-session';
import { Redis } from 'ioredis';
import passport from 'passport';

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
redis.on('error', () => {});
const seconds = 7 * 86_400;

/** What connect-redis does, for as long as this example needs it. */
class RedisStore extends expressSession.Store {
  get(sid, done) {
    redis.get(`session:${sid}`).then((text) => done(null, text === null ? null : JSON.parse(text)), done);
  }
  set(sid, data, done) {
    redis.set(`session:${sid}`, JSON.stringify(data), 'EX', seconds).then(() => done?.(), done);
  }
  touch(sid, _data, done) {
    redis.expire(`session:${sid}`, seconds).then(() => done?.(), done);
  }
  destroy(sid, done) {
    redis.del(`session:${sid}`).then(() => done?.(), done);
  }
}

/** Sessions in Redis, by a cookie. */
export const session = expressSession({
  store: new RedisStore(),
  secret: process.env.SESSION_SECRET ?? 'only for this machine',
  resave: false,
  saveUninitialized: false,
  cookie: { sameSite: 'lax', maxAge: seconds * 1_000 },
});

passport.serializeUser((user, done) => done(null, user.name));
passport.deserializeUser((name, done) => done(null, { name }));

/** The user of the session becomes that of the request. */
export const user = passport.session();

/** The name of the user whose session a request belongs to; `undefined`: it has none. */
export function nameOf(request) {
  return new Promise((resolve, reject) => {
    session(request, new ServerResponse(request), (error) => {
      if (error) reject(error);
      else resolve(request.session.passport?.user);
    });
  });
}
