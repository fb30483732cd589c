import { defineRouter } from 'gopush';

const ports = (process.env.BACKEND_PORTS ?? '5000,5001').split(',').map(Number);

/**
 * Where is each product served? Each user stays on one of the targets, as long as it is up.
 *
 * Other forms: 'https://api.example.com', [{ ip: '10.0.0.5', port: 8080 }, …], a function (request, uid) => target, …
 */
export default defineRouter({
  // Everything that no route matches.
  default: { ip: '127.0.0.1', ports },
  routes: [
    // This path needs no user: for monitoring, or webhooks of others.
    { path: '/health', product: 'default', public: true },
  ],
});
