/**
 * Whether what is emitted now is a message with the mark of its room's history, or of this node, as its last argument. What programs emit may end
 * with a text of a client in the form of a mark, and has none. Emitting is done before it returns, so there is one at a time.
 */
export const ownMarks = { given: false };
