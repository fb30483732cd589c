/** Types of the messages of a channel (docs/protocol.md, "Hand-off"). Numbers are never reused. */
export const messageTypes = {
  hello: 1,
  welcome: 2,
  refuse: 3,
  offer: 4,
  response: 5,
  unfit: 6,
  accept: 7,
  withdraw: 8,
  end: 9,
  close: 10,
  leave: 11,
  left: 12,
  duplicate: 13,
  kept: 14,
  unkept: 15,
  ping: 16,
  pong: 17,
  stop: 18,
  bye: 19,
  /** Since version 2. */
  askToLeave: 20,
  mayBeKilled: 21,
} as const;

/** The bit of ids that a taker chose; ids that a giver chose are smaller. */
export const takerBit = 0x8000_0000;
