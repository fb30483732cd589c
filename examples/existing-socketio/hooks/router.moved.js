import { defineRouter } from 'gopush';

/** Socket.IO goes to the push-servers, everything else to web.js. */
export default defineRouter({
  default: 'push-server',
  web: { targets: { ip: '127.0.0.1', port: Number(process.env.WEB_PORT ?? 3001) }, public: true },
  routes: [
    { path: '/', product: 'web' },
    { path: '/socket.io', product: 'default' },
  ],
});
