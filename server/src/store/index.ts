/**
 * The store: the recent window, in memory or read from the archive, and the archive on disk, which
 * one process writes and others read. It owns what it copies from the log; neither is the truth, and
 * both can be made again from it. What is deleted is served by neither.
 */
export { Archive, archivePath } from "./archive.ts";
export { ArchiveFiles } from "./archive-files.ts";
export {
  ArchiveReader,
  type HistoryPage,
  type HistoryQuery,
  type ReadableArchive,
} from "./archive-reader.ts";
export { ArchiveRecent } from "./archive-recent.ts";
export { storeOptions } from "./options.ts";
export type { Found, Preview, Recent } from "./recent.ts";
export { RecentWindow } from "./recent-window.ts";
