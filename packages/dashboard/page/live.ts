import type { ClusterState } from '@gopush/cluster';
import { withKey } from './access-key.ts';

/** What a live stream tells. */
export interface LiveEvents {
  onState(state: ClusterState): void;
  /** @param needsKey - whether the node wants a key */
  onProblem(text: string, needsKey: boolean): void;
}

/** How long nothing may come before the stream is opened again, in milliseconds. */
const silentMs = 10_000;

/** Time before a stream is opened again, in milliseconds. */
const retryMs = { first: 500, most: 10_000 };

/**
 * Follows the state of the cluster. Not by EventSource, which sends no key.
 *
 * @returns stops it
 */
export function followCluster(events: LiveEvents): () => void {
  let isStopped = false;
  let current: AbortController | undefined;
  let waitMs = retryMs.first;
  const run = async (): Promise<void> => {
    while (!isStopped) {
      current = new AbortController();
      try {
        await readStream(current, (event, data) => {
          waitMs = retryMs.first;
          if (event === 'state') events.onState(JSON.parse(data) as ClusterState);
          else events.onProblem(JSON.parse(data) as string, false);
        });
        events.onProblem('the node ended the stream', false);
      } catch (error) {
        if (isStopped) return;
        const isDenied = error instanceof Denied;
        const text = isDenied ? error.message : 'this node cannot be reached';
        events.onProblem(text, isDenied && error.needsKey);
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = Math.min(2 * waitMs, retryMs.most);
    }
  };
  void run();
  return () => {
    isStopped = true;
    current?.abort();
  };
}

class Denied extends Error {
  readonly needsKey: boolean;

  constructor(text: string, needsKey: boolean) {
    super(text);
    this.needsKey = needsKey;
  }
}

async function readStream(control: AbortController, onEvent: (event: string, data: string) => void): Promise<void> {
  let timer = setTimeout(() => control.abort(), silentMs);
  try {
    const response = await fetch('cluster/live', { headers: withKey(), signal: control.signal });
    if (!response.ok || response.body === null) {
      throw new Denied((await response.text()).trim(), response.status === 401 || response.status === 403);
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => control.abort(), silentMs);
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (event !== undefined && data !== undefined) onEvent(event, data);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
