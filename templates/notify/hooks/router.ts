import { defineRouter } from 'gopush';

/** Where is each product served? Here all clients use the built-in push-servers. Your own servers would be further products. */
export default defineRouter({
  default: 'push-server',
});
