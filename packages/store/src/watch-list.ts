import type { RegisteredNode } from './registry.ts';

/** Looks at a list again and again, and tells when it is another one. */
export interface ListWatch {
  /** Looks at once, as something is said to have changed. */
  look(): void;
  stop(): void;
}

/** Between two looks, in milliseconds: well below the second within which a change is told. */
const lookMs = 400;

export function watchList(
  list: () => Promise<readonly RegisteredNode[]>,
  listener: (nodes: readonly RegisteredNode[]) => void,
): ListWatch {
  let known: string | undefined;
  let stopped = false;
  let underWay = false;
  let again = false;
  const look = async (): Promise<void> => {
    // One look at a time, so that an older answer cannot overtake a newer one.
    again = true;
    if (underWay) return;
    underWay = true;
    while (again && !stopped) {
      again = false;
      const nodes = await list().catch(() => undefined);
      const text = JSON.stringify(nodes);
      if (stopped || nodes === undefined || text === known) continue;
      known = text;
      listener(nodes);
    }
    underWay = false;
  };
  const timer = setInterval(() => void look(), lookMs).unref();
  void look();
  return {
    look: () => void look(),
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
