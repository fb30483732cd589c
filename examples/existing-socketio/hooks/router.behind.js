import { defineRouter } from 'gopush';

const ports = (process.env.PORTS ?? '3001,3002').split(',').map(Number);

/** The servers as they are. They know their users themselves; a long-polling session stays on its server by its sid. */
export default defineRouter({
  default: { targets: { ip: '127.0.0.1', ports }, public: true },
});
