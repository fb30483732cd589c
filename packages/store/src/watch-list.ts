import type { RegisteredNode } from './registry.ts';
import type { Signal } from './signal.ts';

/** Reads a list regularly, and notifies of changes. */
export interface ListWatch {
  /** Reads at once, since a change was reported. */
  look(): void;
  stop(): void;
}

/** Time between two reads, in milliseconds: well below the second within which a change has to be reported. */
const lookMs = 400;

/** How long nodes may take to announce themselves again after a store has lost its data, in milliseconds. */
const againMs = 2_000;

/** The source of a list. */
export interface ListSource {
  list(): Promise<readonly RegisteredNode[]>;
  /** Fires when the store has lost its data. */
  readonly forgotten: Signal;
  /** Checks at once whether it has. */
  checkForgotten(): Promise<void>;
}

export function watchList(
  { list, forgotten, checkForgotten }: ListSource,
  listener: (nodes: readonly RegisteredNode[]) => void,
): ListWatch {
  let known: string | undefined;
  let knownIds: readonly string[] = [];
  /** Nodes that a store has lost are not gone: until this time the list stays as it is. */
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
    // One read at a time, so that an older result cannot overtake a newer one.
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
