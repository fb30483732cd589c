import { type DestinationStream, pino } from 'pino';

/** How long a line may wait for others, in milliseconds. */
const waitMs = 100;

/** What is written at once although nobody has waited yet, in bytes. */
const mostBytes = 8 * 1024;

/** The level of errors in the numbers of pino. */
const errorLevel = 50;

let output: DestinationStream | undefined;

/**
 * Standard output for the lines of all loggers of this process. A write for each line is what makes lines dear, so they wait a moment for
 * others; a line about an error, and what waits before it, is written at once, and so is what waits when the process ends, by itself or by an
 * error that nobody caught.
 */
export function bufferedOutput(): DestinationStream {
  output ??= openOutput();
  return output;
}

function openOutput(): DestinationStream {
  const stdout = pino.destination({ fd: 1, sync: true, minLength: mostBytes });
  let waiting = false;
  const flush = (): void => {
    waiting = false;
    stdout.flushSync();
  };
  process.on('exit', flush);
  const buffered = {
    // By this pino tells of which level the line is that it writes.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write(line: string) {
      stdout.write(line);
      if (buffered.lastLevel >= errorLevel) stdout.flushSync();
      else if (!waiting) {
        waiting = true;
        setTimeout(flush, waitMs).unref();
      }
    },
  };
  return buffered;
}
