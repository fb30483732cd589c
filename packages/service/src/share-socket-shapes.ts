import { Socket } from 'node:net';

/** With options of more kinds than four, V8 stops telling them apart. */
const kinds = ['a', 'b', 'c', 'd', 'e'];

/** V8 notes kinds only in a function that has run some times. */
const timesEach = 20;

/** The first version of Node whose V8 needs none of this. */
const firstWithout = 22;

/**
 * Makes new sockets cheaper, in the whole process. Node copies the options of each socket (`{ ...options }`) and adds more to the copy. While V8 has
 * met options of few kinds only, Node 20 gives each of these copies a shape of its own, and whatever reads them afterwards is slow: a socket takes
 * 7 µs instead of 1. Once V8 has met many kinds, all copies share their shapes. So this makes, and closes, sockets with options of many kinds.
 */
export function shareSocketShapes(): void {
  if (Number.parseInt(process.versions.node, 10) >= firstWithout) return;
  for (const kind of kinds) {
    for (let time = 0; time < timesEach; time++) new Socket({ [kind]: true } as object).destroy();
  }
}
