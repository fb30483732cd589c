import type { ReadStream, WriteStream } from 'node:tty';

/** Events of an open screen. */
export interface ScreenEvents {
  /** A key was pressed: a character, or the sequence of a special key. */
  onKey(key: string): void;
  onResize(): void;
}

/** The codes of a terminal (xterm's control sequences). */
const codes = {
  /** The other buffer, so that what was on the screen comes back at the end. */
  enter: '\u001b[?1049h\u001b[?25l',
  leave: '\u001b[?25h\u001b[?1049l',
  home: '\u001b[H',
  clearLine: '\u001b[K',
  clearBelow: '\u001b[J',
};

/** A program's screen on a terminal. It is drawn over, not cleared, so that nothing flickers. */
export class FullScreen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  #events: ScreenEvents | undefined;
  readonly #onData = (chunk: Buffer | string): void => {
    for (const key of String(chunk)) this.#events?.onKey(key);
  };
  readonly #onResize = (): void => this.#events?.onResize();
  /** However the process ends, the terminal is usable afterwards. */
  readonly #onExit = (): void => this.close();

  constructor(input: ReadStream, output: WriteStream) {
    this.#input = input;
    this.#output = output;
  }

  get columns(): number {
    return this.#output.columns;
  }

  get rows(): number {
    return this.#output.rows;
  }

  open(events: ScreenEvents): void {
    this.#events = events;
    this.#output.write(codes.enter);
    this.#input.setRawMode(true);
    this.#input.on('data', this.#onData).resume();
    this.#output.on('resize', this.#onResize);
    process.once('exit', this.#onExit);
  }

  /** @param bar - the last line */
  show(lines: readonly string[], bar: string): void {
    const shown = lines.slice(0, this.rows - 1);
    const text = shown.map((line) => `${line}${codes.clearLine}\r\n`).join('');
    this.#output.write(`${codes.home}${text}${codes.clearBelow}${bar}${codes.clearLine}`);
  }

  close(): void {
    if (this.#events === undefined) return;
    this.#events = undefined;
    process.off('exit', this.#onExit);
    this.#output.off('resize', this.#onResize);
    this.#input.off('data', this.#onData).pause();
    this.#input.setRawMode(false);
    this.#output.write(codes.leave);
  }
}
