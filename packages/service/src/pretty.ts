import { type LineOutput, openStream, type StreamName } from './buffered-output.ts';
import { requireOnDemand } from './require-on-demand.ts';

const require = requireOnDemand(import.meta.url);

/**
 * Formats log lines for people: time, level, node, message, then the fields. Runs in this thread, so that the last line
 * before an exit is not lost.
 */
export function prettyOutput(name: StreamName): LineOutput {
  // Loaded only if people read the log.
  const pretty = require('pino-pretty') as typeof import('pino-pretty');
  const stream = pretty({
    sync: true,
    destination: openStream(name),
    colorize: process[name].isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'node',
    messageFormat: '{if node}[{node}] {end}{msg}',
    singleLine: true,
  });
  return { write: (line) => void stream.write(line) };
}
