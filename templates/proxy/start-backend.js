/** Runs one back end: `PORT=5000 node start-backend.js`. */
import { startBackend } from './backend.js';

const { port } = await startBackend(Number(process.env.PORT));
console.log(`back end on port ${port}`);
