import { describe } from "node:test";
import type { LogFixture } from "./conformance/fixture.ts";
import { testModel } from "./conformance/model.ts";
import { testProcesses } from "./conformance/processes.ts";
import { testRecords } from "./conformance/records.ts";
import { testRetention } from "./conformance/retention.ts";
import { testTopicsAndTimes } from "./conformance/topics-and-times.ts";
import { testWaiting } from "./conformance/waiting.ts";

/** What every implementation of `Log` has to hold: one call from a test file of its own. */
export function testLog(fixture: LogFixture): void {
  describe(`${fixture.name}: records and offsets`, () => testRecords(fixture));
  describe(`${fixture.name}: topics and times`, () => testTopicsAndTimes(fixture));
  describe(`${fixture.name}: retention and compaction`, () => testRetention(fixture));
  describe(`${fixture.name}: waiting`, () => testWaiting(fixture));
  describe(`${fixture.name}: several processes`, () => testProcesses(fixture));
  describe(`${fixture.name}: against a model`, () => testModel(fixture));
}
