import { defineRouter } from 'gopush';

/** Everything goes to the built-in push-servers. */
export default defineRouter({ default: 'push-server' });
