import { ServerResponse } from 'node:http';
import expressSession from 'express-session';
import { Redis } from 'ioredis';

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

/** What passport.session() does: the user of the session becomes that of the request. */
export function user(request, _response, next) {
  request.user = request.session.passport && { name: request.session.passport.user };
  next();
}

/** The name of the user whose session a request belongs to; `undefined`: it has none. */
export function nameOf(request) {
  return new Promise((resolve, reject) => {
    session(request, new ServerResponse(request), (error) => {
      if (error) reject(error);
      else resolve(request.session.passport?.user);
    });
  });
}
