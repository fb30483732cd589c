/** What small maps and sets have in the place of their first key: nothing is in them. */
export const none: unique symbol = Symbol('none');

/** There were too many at some time: all are in a collection of JavaScript. */
export const many: unique symbol = Symbol('many');
