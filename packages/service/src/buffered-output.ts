import sonicBoom from 'sonic-boom';

/** Output of log lines. */
export interface LineOutput {
  /** @param urgent - whether to write it, and all lines before it, at once */
  write(line: string, urgent: boolean): void;
}

/** How long a line may be buffered, in milliseconds. */
const waitMs = 100;

/** Buffered text of this length is written at once, in characters. */
const mostCharacters = 8 * 1024;

/** Most buffered bytes for a stream that takes nothing (full disk, closed terminal). Lines beyond that are dropped. */
const maxWaitingBytes = 1_048_576;

/** A stream of the process. */
export type StreamName = 'stdout' | 'stderr';

const outputs = new Map<StreamName, LineOutput>();

/**
 * Returns the output that all loggers of this process share. One write per line would be expensive, so lines are
 * buffered for a moment. An urgent line is written at once, together with the lines before it. Buffered lines are also
 * written when the process ends, normally or by an uncaught error.
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
 * Opens a stream of the process for log lines. If it cannot be written to (EIO of a closed terminal, EPIPE, ENOSPC), lines are lost, but the process
 * does not end.
 *
 * pm2 replaces the `write` of the stream to collect the lines of cluster workers, whose descriptor is that of the pm2 daemon.
 */
export function openStream(name: StreamName): NodeJS.WriteStream | sonicBoom.SonicBoom {
  if (Object.hasOwn(process[name], 'write')) return process[name];
  // This blocks while a pipe is full.
  const stream = new sonicBoom.SonicBoom({ fd: name === 'stdout' ? 1 : 2, sync: true, maxLength: maxWaitingBytes });
  stream.on('error', () => {});
  return stream;
}

function openOutput(name: StreamName): LineOutput {
  const stream = openStream(name);
  // Lines on standard error are rare and urgent. A program that embeds us must not be left with a timer or listener.
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
