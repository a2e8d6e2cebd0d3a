import { PenstockError } from "@penstock-dev/contract";

/** What is wrong in the configured streams. @param path where in the file */
export function wrong(path: string, message: string): PenstockError {
  return new PenstockError(
    "invalid_request",
    `${path} ${message}${message.endsWith("?") ? "" : "."}`,
  );
}
