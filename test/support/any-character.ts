import fc from 'fast-check';

const belowSurrogates = 0xd800;
const surrogates = 0x800;

/**
 * One code point of Unicode, as the unit of `fc.string`: the same as its `binary`, which makes a map of all 1.1 million of them first, and takes a
 * second for that.
 */
export const anyCharacter = fc.integer({ min: 0, max: 0x10_ffff - surrogates }).map(
  (index) => String.fromCodePoint(index < belowSurrogates ? index : index + surrogates),
  (character) => {
    const point = typeof character === 'string' ? character.codePointAt(0) : undefined;
    if (point === undefined || String.fromCodePoint(point) !== character || !character.isWellFormed()) {
      throw new Error('not a code point');
    }
    return point < belowSurrogates ? point : point - surrogates;
  },
);
