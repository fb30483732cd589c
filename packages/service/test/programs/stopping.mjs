// Stops for as many milliseconds as the first argument says, within the deadline that the second gives.
import { onStop } from '../../dist/index.js';

const [stopMs = '0', deadlineMs = '60000'] = process.argv.slice(2);
onStop({
  deadlineMs: Number(deadlineMs),
  exit: (code) => process.exit(code),
  async stop(reason) {
    if (process.connected) process.send(reason);
    await new Promise((resolve) => setTimeout(resolve, Number(stopMs)));
  },
});
process.send('started');
