import { defineRouter } from 'gopush';

/**
 * Where does each product go? A client names its product with `?product=`; one that names none gets `default`.
 *
 *   chat: [{ ip: '127.0.0.1', ports: [5000, 5001] }],
 *   game: async (request, uid) => ({ ip: '127.0.0.1', port: await portOf(uid) }),
 */
export default defineRouter({
  default: 'push-server',
});
