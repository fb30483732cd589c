import { createLogger } from '../../dist/index.js';

createLogger({ format: 'json', node: 'n' }).info(
  { port: 1, password: 'hunter2', headers: { cookie: 'hunter2', authorization: 'hunter2' } },
  'hello',
);
