import assert from "node:assert/strict";
import { Archive, ArchiveRecent, type Recent, RecentWindow } from "../../server/src/store/index.ts";
import { type Enriched, STORE } from "./enriched.ts";

const failed = (caught: unknown) => assert.fail(String(caught));

/** The recent window in memory. */
export async function openInMemory(
  enriched: Enriched,
  options: Partial<typeof STORE> = {},
): Promise<Recent> {
  const { log, stream, now } = enriched;
  return await RecentWindow.open({ stream, log, now, options: { ...STORE, ...options }, failed });
}

/** The recent window on an archive that this process writes; the archive goes with it. */
export async function openInArchive(
  enriched: Enriched,
  options: Partial<typeof STORE> = {},
): Promise<Recent> {
  const { log, stream, now, dataDir } = enriched;
  const init = { stream, log, now, options: { ...STORE, ...options } };
  const archive = new Archive({ dataDir, ...init });
  await archive.follow(stream, failed);
  const recent = ArchiveRecent.open({ ...init, files: archive.files });
  return {
    newest: recent.newest.bind(recent),
    after: recent.after.bind(recent),
    preview: recent.preview.bind(recent),
    [Symbol.asyncDispose]: async () => {
      await recent[Symbol.asyncDispose]();
      await archive[Symbol.asyncDispose]();
    },
  };
}
