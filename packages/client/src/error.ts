import type { FailureCode } from '@gopush/contract';

/** A code of the failure table, or of the client: no response in time, the connection ended, the room was left. */
export type GopushErrorCode = FailureCode | 'timeout' | 'disconnected' | 'left';

/** The error with which calls of the client reject. */
export class GopushError extends Error {
  override readonly name = 'GopushError';
  readonly code: GopushErrorCode;

  constructor(code: GopushErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
