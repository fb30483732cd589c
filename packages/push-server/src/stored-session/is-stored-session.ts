/**
 * Whether a decoded value has the form of a session as any version has written it. What is read of it later, in callbacks of connections,
 * must not fail there.
 */
export function isStoredSession(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { engineId, uid, node, at, isExact, tail, tailAfter, sockets, opening, answers, count } = value;
  return (
    [engineId, uid, node].every(isText) &&
    [at, tailAfter, answers, count].every(isAbsentOrNumber) &&
    typeof isExact === 'boolean' &&
    isListOf(tail, isPackedLog) &&
    isListOf(sockets, isSocket) &&
    (opening === undefined || isListOf(opening, isOpening))
  );
}

type Test = (value: unknown) => boolean;

const optional: readonly (readonly [name: string, test: Test])[] = [
  ['reached', listOf(isStanding)],
  ['had', listOf(tupleOf(isText, isText, isNumber))],
  ['emitted', isEmitted],
  ['marks', (value) => typeof value === 'boolean'],
  ['waiting', listOf(isPacket)],
  ['answer', isNumber],
];

/** Of events of programs. */
const isStream = tupleOf(isText, isNumber);
const isDoubtful = tupleOf(isText, isNumber, isNumber);

/** What a program has set, as claims and data, may be anything. */
function isSocket(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { namespace, id, pid, rooms, positions, inboxAfter } = value;
  return (
    isNamespace(namespace) &&
    isText(id) &&
    isText(pid) &&
    isListOf(rooms, isText) &&
    isListOf(positions, isStanding) &&
    isNumber(inboxAfter) &&
    optional.every(([name, test]) => value[name] === undefined || test(value[name]))
  );
}

/** A CONNECT without a response: its payload may be anything. */
function isOpening(value: unknown): boolean {
  return isObject(value) && isNamespace(value.namespace);
}

/** A room and a position in it. */
function isStanding(value: unknown): boolean {
  return Array.isArray(value) && isText(value[0]) && (value[1] === null || isPosition(value[1]));
}

function isPosition(value: unknown): boolean {
  return isObject(value) && isText(value.epoch) && isNumber(value.offset);
}

function isPackedLog(value: unknown): boolean {
  return Array.isArray(value) && isText(value[0]) && isText(value[1]) && isListOf(value[2], isNumber);
}

function isEmitted(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { streams, doubtful, own, after } = value;
  return (
    isListOf(streams, isStream) &&
    (doubtful === undefined || isListOf(doubtful, isDoubtful)) &&
    (own === undefined || isListOf(own, isOwnEvent)) &&
    isAbsentOrNumber(after)
  );
}

function isOwnEvent(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { count, place, encoded } = value;
  const isPart: Test = (part) => isText(part) || part instanceof Uint8Array;
  return isNumber(count) && isPosition(place) && isListOf(encoded, isPart);
}

/** The types of packets of Socket.IO whose data is a list: events and acks. */
const withList: ReadonlySet<unknown> = new Set([2, 3]);

/** A packet that a client has sent, as Socket.IO's decoder gives it. */
function isPacket(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { type, nsp, id, data } = value;
  if (!isNamespace(nsp) || !isAbsentOrNumber(id)) return false;
  if (!withList.has(type)) return isNumber(type);
  return Array.isArray(data) && (type === 3 || isText(data[0]) || isNumber(data[0]));
}

function isNamespace(value: unknown): boolean {
  return isText(value) && value.startsWith('/');
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): boolean {
  return Number.isFinite(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, test: Test): boolean {
  return Array.isArray(value) && value.every((one) => test(one));
}

function listOf(test: Test): Test {
  return (value) => isListOf(value, test);
}

function tupleOf(...tests: readonly Test[]): Test {
  return (value) => Array.isArray(value) && tests.every((test, index) => test(value[index]));
}

function isAbsentOrNumber(value: unknown): boolean {
  return value === undefined || isNumber(value);
}
