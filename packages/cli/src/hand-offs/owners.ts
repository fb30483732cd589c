/** The clients that would notice if one more process of a machine ended now. */
export interface Owners {
  /** Connections that agents have handed over and only their push-server has: they end with it. */
  readonly one: number;
  /** Those that an agent has as well. */
  readonly two: number;
  /** Clients at agents whose session has no push-server at the moment. */
  readonly waiting: number;
}

/** What a tier says of itself: agents how many clients wait, push-servers who owns the connections that they were handed. */
export interface CountsOwners {
  readonly handedOver?: Pick<Owners, 'one' | 'two'>;
  readonly waiting?: number;
}

/** Reads what a process says of itself. */
export function ownersOf({ handedOver = { one: 0, two: 0 }, waiting = 0 }: CountsOwners): Owners {
  return { one: handedOver.one, two: handedOver.two, waiting };
}

/** @param all - of all processes; `undefined`: one that does not answer */
export function sumOwners(all: readonly (Owners | undefined)[]): Owners {
  const sum = { one: 0, two: 0, waiting: 0 };
  for (const owners of all) {
    sum.one += owners?.one ?? 0;
    sum.two += owners?.two ?? 0;
    sum.waiting += owners?.waiting ?? 0;
  }
  return sum;
}

/** Whether no client notices the end of one process. */
export function isSettled({ one, waiting }: Owners): boolean {
  return one + waiting === 0;
}

/** Says to people what is not settled. */
export function describeOwners({ one, two, waiting }: Owners): string {
  return `connections that were handed over and have one owner: ${one} of ${one + two}; clients that wait for a push-server: ${waiting}`;
}
