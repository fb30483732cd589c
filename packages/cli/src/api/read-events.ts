/** One event of a stream. */
export interface StreamEvent {
  /** @defaultValue `message` */
  readonly event: string;
  readonly data: string;
  /** The last id that came. */
  readonly id: string;
}

/** Longest event, in characters. */
const longest = 16 * 1024 * 1024;

/**
 * Reads Server-Sent Events until the stream ends (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * @throws Error if the connection is lost, or an event is longer than 16 MiB
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > longest) throw new Error('an event of the stream is longer than 16 MiB');
    const blocks = rest.split(/\r\n\r\n|\n\n|\r\r/);
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = readBlock(block, id);
      ({ id } = event);
      if (event.data !== undefined) yield { id, event: event.event, data: event.data };
    }
  }
}

function readBlock(block: string, lastId: string) {
  let event = 'message';
  let id = lastId;
  let data: string | undefined;
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') event = value;
    else if (field === 'id') id = value;
    else if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
  }
  return { event, id, data };
}
