/** What is known where a session is read: how far, and what holds it back. */
export interface ConnectionLag {
  /** Records of the log that this process has not read yet. */
  readonly sourceRecords: number;
  /** How long what is due has been waiting here, in milliseconds. */
  readonly gatewayMs: number;
  /** How long bytes have been waiting in the socket, in milliseconds. */
  readonly networkMs: number;
  /** Offsets between what was sent and what the client is known to have read. */
  readonly clientOffsets: number;
}
