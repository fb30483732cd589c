import { randomUUID } from 'node:crypto';
import { defineAgentApp } from 'gopush';

/** Who is this client? A visitor, known by a random id in a cookie. If you have users, return the id of the user instead. */
export default defineAgentApp((app) => {
  app.use((req, res, next) => {
    const { visitor: given } = req.cookies;
    // Clients may send anything.
    const visitor = /^[0-9a-f-]{36}$/.test(given) ? given : randomUUID();
    res.cookie('visitor', visitor, { httpOnly: true, sameSite: 'lax', secure: req.secure, maxAge: 30 * 86_400_000 });
    res.locals.uid = visitor;
    next();
  });
});
