import type { RegisteredNode } from './registry.ts';
import type { Signal } from './signal.ts';

/** Looks at a list again and again, and tells when it is another one. */
export interface ListWatch {
  /** Looks at once, as something is said to have changed. */
  look(): void;
  stop(): void;
}

/** Between two looks, in milliseconds: well below the second within which a change is told. */
const lookMs = 400;

/** After a store has forgotten all, how long its nodes may take to say again that they are there, in milliseconds. */
const againMs = 2_000;

/** What a list is watched in. */
export interface ListSource {
  list(): Promise<readonly RegisteredNode[]>;
  /** Told when the store has lost what it kept. */
  readonly forgotten: Signal;
  /** Looks whether it has, at once. */
  checkForgotten(): Promise<void>;
}

export function watchList(
  { list, forgotten, checkForgotten }: ListSource,
  listener: (nodes: readonly RegisteredNode[]) => void,
): ListWatch {
  let known: string | undefined;
  let knownIds: readonly string[] = [];
  /** Nodes that a store has forgotten are not gone: until then the list is left as it is. */
  let heldUntil = 0;
  let heldLook: NodeJS.Timeout | undefined;
  const offForgotten = forgotten.on(() => {
    heldUntil = performance.now() + againMs;
    clearTimeout(heldLook);
    heldLook = setTimeout(() => void look(), againMs).unref();
  });
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
      if (nodes === undefined || text === known) continue;
      if (knownIds.some((id) => nodes.every((node) => node.id !== id))) await checkForgotten();
      if (stopped || (known !== undefined && performance.now() < heldUntil)) continue;
      known = text;
      knownIds = nodes.map(({ id }) => id);
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
      clearTimeout(heldLook);
      offForgotten();
    },
  };
}
