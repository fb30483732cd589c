/** The upgrade request of a client, kept to ask another target to take its session. */
export interface SessionRequest {
  /** As the client sent it, for hooks. */
  readonly url: string;
  /** As the target gets it. */
  readonly path: string;
  /** Lines of its headers, without identity and without those for one connection. */
  readonly headers: string;
  /** `Sec-WebSocket-Key`. */
  readonly key: string;
}
