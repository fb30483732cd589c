/**
 * Loaded by all processes that tests start (`NODE_OPTIONS` in test/setup.ts). Most live for a second or two: V8 optimizes code of
 * theirs that then hardly runs, which is more than a tenth of the processor time of a start. So V8 waits until code has run more often
 * (15 times by its budget); what stays hot is optimized all the same. Processes whose speed a test measures get `OPTIMIZE_EARLY=1`.
 */
const { setFlagsFromString } = require('node:v8');

// Later versions of V8 have no such flag.
if (process.versions.v8.startsWith('11.') && process.env.OPTIMIZE_EARLY !== '1') {
  setFlagsFromString('--interrupt-budget=1000000');
}
