import { defineRouter } from 'gopush';

/**
 * Where is each product served? A client selects its product with `?product=`; without it the product is `default`.
 *
 *   chat: [{ ip: '127.0.0.1', ports: [5000, 5001] }],
 *   game: async (request, uid) => ({ ip: '127.0.0.1', port: await portOf(uid) }),
 */
export default defineRouter({
  default: 'push-server',
});
