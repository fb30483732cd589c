/**
 * The marks by which an agent and a target move a live session to another target without its client noticing. docs/protocol.md tells the
 * whole of it.
 */

/** Agent → target, on an upgrade: this agent can move the session later. */
export const canResumeHeader = 'x-gopush-can-resume';

/**
 * Target → agent, in the 101: the token by which the session can be resumed, once; never reaches the client. Agent → target, on an upgrade:
 * resume the session of this token.
 */
export const resumeHeader = 'x-gopush-resume';

/** Target → agent, in the 101 to a resumed session: how many of the first data frames the client must not see. */
export const resumeSkipHeader = 'x-gopush-resume-skip';

/**
 * Agent → target, on resuming: the marks of the last kept messages that the client was given, one for each room, separated by commas. They
 * count before what the last target wrote down, which may have died before that reached the client.
 */
export const resumeAfterHeader = 'x-gopush-resume-after';

/** Among the marks: there were more rooms than the agent follows. */
export const incompleteMarks = 'incomplete';

/** Payload of the ping by which a target asks the agent to stop the client, since it wants to hand the session over. */
export const drainPing = 'gopush:drain';

/** Payload of the pong by which an agent says that nothing more comes from the client. */
export const quietPong = 'gopush:quiet';

/** Payload of the ping by which an agent asks a target that has said nothing for a while whether it is still there; its pong never reaches the client. */
export const alivePing = 'gopush:alive';

/** Payload of the pong by which an agent tells the target that it has chosen that the client goes on there; others that it asked hear their connection end. */
export const goingPong = 'gopush:going';
