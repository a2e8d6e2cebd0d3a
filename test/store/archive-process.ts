/**
 * A process that writes the archive of a test's topic, or reads the recent window from it and
 * answers each question with what it finds: `archive-process.ts write|read <dataDir> <stream>
 * <partitions> <nowMs>`.
 */
import { PenstockError } from "@penstock-dev/contract";
import { Archive, ArchiveFiles, ArchiveRecent, archivePath } from "../../server/src/store/index.ts";
import { Enriched, STORE } from "./enriched.ts";

const [role, dataDir = "", name, partitions, nowMs] = process.argv.slice(2);
const enriched = await Enriched.join(
  dataDir,
  name === "tweets" ? "tweets" : "chain-events",
  Number(partitions),
);
enriched.nowMs = Number(nowMs);
const { log, stream, now } = enriched;
const init = { log, stream, now, options: STORE };

if (role === "write") {
  const archive = new Archive({ dataDir, ...init });
  await archive.follow(stream, (caught) => {
    throw caught;
  });
} else {
  const recent = ArchiveRecent.open({ ...init, files: new ArchiveFiles(archivePath(dataDir)) });
  process.on("message", (filters: object) => {
    recent.newest(enriched.filters(filters), 1000).then(
      (found) => process.send?.(found),
      (caught: unknown) => process.send?.({ code: PenstockError.from(caught).code }),
    );
  });
}
process.on("disconnect", () => process.exit());
process.send?.("ready");
