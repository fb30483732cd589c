/**
 * Messages by event, if no map of events was declared: any event, with a message of any type. A declared map is an interface such as
 * `{ chat: { text: string }; typing: undefined }`.
 */
// biome-ignore lint/suspicious/noExplicitAny: with another type, a `Push` could not be taken for one with declared events
export type AnyEvents = any;
