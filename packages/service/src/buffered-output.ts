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

/** What waits at most for a stream that takes nothing, in bytes: a full disk, a terminal that is gone. Lines beyond it are lost, and nothing else. */
const maxWaitingBytes = 1_048_576;

/** A stream of the process. */
export type StreamName = 'stdout' | 'stderr';

const outputs = new Map<StreamName, LineOutput>();

/**
 * A stream for the lines of all loggers of this process. A write for each line is what makes lines dear, so they wait a moment for
 * others; an urgent line, and what waits before it, is written at once, and so is what waits when the process ends, by itself or by an error
 * that nobody caught.
 */
export function bufferedOutput(name: StreamName): LineOutput {
  let output = outputs.get(name);
  if (output === undefined) {
    output = openOutput(name);
    outputs.set(name, output);
  }
  return output;
}

/**
 * A stream of the process, as lines are written to it. One that cannot be written to (EIO of a closed terminal, EPIPE, ENOSPC) loses lines; it
 * must not end the process.
 *
 * pm2 puts a function of its own in the place of the stream's, by which it finds the lines of a cluster's workers; their descriptor is that of its
 * daemon.
 */
export function openStream(name: StreamName): NodeJS.WriteStream | sonicBoom.SonicBoom {
  if (Object.hasOwn(process[name], 'write')) return process[name];
  // It waits where a pipe is full.
  const stream = new sonicBoom.SonicBoom({ fd: name === 'stdout' ? 1 : 2, sync: true, maxLength: maxWaitingBytes });
  stream.on('error', () => {});
  return stream;
}

function openOutput(name: StreamName): LineOutput {
  const stream = openStream(name);
  // What is written there is rare and urgent, and is to leave nothing behind in a program that embeds us.
  if (name === 'stderr') return { write: (line) => void stream.write(line) };
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const lines = waiting;
    waiting = '';
    if (lines !== '') stream.write(lines);
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
