import sonicBoom from 'sonic-boom';

/** Where lines go. */
export interface LineOutput {
  /** @param urgent - whether it, and what waits before it, is not to wait for others */
  write(line: string, urgent: boolean): void;
}

/** How long a line may wait for others, in milliseconds. */
const waitMs = 100;

/** What is written at once although nobody has waited yet, in characters. */
const mostCharacters = 8 * 1024;

let output: LineOutput | undefined;

/**
 * Standard output for the lines of all loggers of this process. A write for each line is what makes lines dear, so they wait a moment for
 * others; an urgent line, and what waits before it, is written at once, and so is what waits when the process ends, by itself or by an error
 * that nobody caught.
 */
export function bufferedOutput(): LineOutput {
  output ??= openOutput();
  return output;
}

/**
 * pm2 puts a function of its own in the place of the stream's, by which it finds the lines of a cluster's workers; their descriptor is that of its
 * daemon.
 */
function openStdout(): Pick<NodeJS.WriteStream, 'write'> | sonicBoom.SonicBoom {
  if (Object.hasOwn(process.stdout, 'write')) return process.stdout;
  // It knows how to go on where a pipe is full.
  return new sonicBoom.SonicBoom({ fd: 1, sync: true });
}

function openOutput(): LineOutput {
  const stdout = openStdout();
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const lines = waiting;
    waiting = '';
    if (lines !== '') stdout.write(lines);
  };
  process.on('exit', flush);
  return {
    write(line, urgent) {
      waiting += line;
      if (urgent || waiting.length >= mostCharacters) flush();
      else timer ??= setTimeout(flush, waitMs).unref();
    },
  };
}
