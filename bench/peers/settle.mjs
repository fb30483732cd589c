import { writeSync } from 'node:fs';

/** On SIGUSR2 the heap is collected, so that memory can be compared after it has settled. */
process.on('SIGUSR2', () => globalThis.gc?.());
/** Tells the runner that the port is listened on. */
export const ready = () => writeSync(3, 'ready\n');
export const [port, target] = process.argv.slice(2).map(Number);
